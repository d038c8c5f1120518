/** Looks at what the fuzzer left in the database. */
import { Client } from 'pg';
import { type ClientMetadata, maxClientNameCharacters } from '../../../src/domain/client-metadata.ts';
import { maxRedirectUris, parseRedirectUri } from '../../../src/domain/redirect-uri.ts';

/** Every client that could be registered keeps the rules; returns what does not, and how many there are. */
export async function readBackClients(ownerUrl: string): Promise<{ count: number; problems: string[] }> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  const problems: string[] = [];
  let count = 0;
  try {
    await client.query(`BEGIN; DECLARE all_clients CURSOR FOR SELECT id, kind, metadata FROM clients`);
    for (;;) {
      const { rows } = await client.query<{ id: string; kind: string; metadata: ClientMetadata }>('FETCH 5000 FROM all_clients');
      if (rows.length === 0) return { count, problems };
      count += rows.length;
      for (const { id, kind, metadata } of rows) {
        const wrong = findClientProblems(metadata);
        if (wrong.length > 0) problems.push(`${kind} client ${id}: ${wrong.join(', ')}: ${JSON.stringify(metadata).slice(0, 500)}`);
      }
    }
  } finally {
    await client.end();
  }
}

function findClientProblems({ redirectUris, postLogoutRedirectUris, name, grants, ...rest }: ClientMetadata): string[] {
  const uris = [...redirectUris, ...postLogoutRedirectUris];
  const links = [rest.clientUri, rest.logoUri, rest.policyUri, rest.tosUri].filter((link) => link !== undefined);
  return [
    ...(redirectUris.length < 1 || redirectUris.length > maxRedirectUris ? [`${redirectUris.length} redirect URIs`] : []),
    ...uris.filter((uri) => 'problem' in parseRedirectUri(uri)).map((uri) => `redirect URI ${uri}`),
    ...(name !== undefined && (name.length > maxClientNameCharacters || /[\p{Cc}\u202a-\u202e]/u.test(name)) ? ['name'] : []),
    ...links.filter((link) => !link.startsWith('https://')).map((link) => `link ${link}`),
    ...(grants.every((grant) => grant === 'authorization_code' || grant === 'refresh_token') ? [] : [`grants ${grants}`]),
  ];
}
