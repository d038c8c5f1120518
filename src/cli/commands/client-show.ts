import type { Office } from '../../compose/open-office.ts';
import type { ClientOverview } from '../../services/describe-client.ts';
import { clientName, clientToJson, lookAlikeWords, originWords, placeWords, standingWords } from '../client-words.ts';
import { unknownClient } from '../find-client.ts';
import type { Call } from '../leaf.ts';
import { minute, plainText } from '../plain-text.ts';
import type { Report } from '../report.ts';

/** Shows one client: what an administrator wants to know before she verifies or blocks it. */
export async function showClient({ runtime, tenant }: Office, { args }: Call): Promise<Report> {
  const { findClientOverview } = await import('../../services/describe-client.ts');
  const [id = ''] = args;
  const overview = await findClientOverview(runtime, tenant, id);
  if (!overview) throw unknownClient(id);
  const { client, quarantine, places, people, standing, lastUsedAt, lookAlikes } = overview;
  const { redirectUris, authMethod, jwks, jwksUri, grants, applicationType } = client.metadata;
  const warnings = lookAlikes.map(lookAlikeWords);
  const rows = [
    ['Client id', client.id],
    ['Says it is', clientName(client)],
    ['Who vouches', voucherWords(overview)],
    ...warnings.map((warning) => ['Warning', warning]),
    ...places.map((place) => ['Answers go to', placeWords(place)]),
    ['Standing', standingWords(client, quarantine) || 'nothing special'],
    ['Origin', originWords(client)],
    ['First seen', minute(client.createdAt)],
    ...(client.identityChangedAt
      ? [['Last changed', `${minute(client.identityChangedAt)} (name, redirect URIs, keys or authentication)`]]
      : []),
    ['First allowed', client.firstAuthorizedAt ? minute(client.firstAuthorizedAt) : 'never'],
    ['Last token', lastUsedAt ? minute(lastUsedAt) : 'never'],
    ['People now', `${people.isMore ? 'at least ' : ''}${people.count}`],
    ['Consents', `${standing.consents}, with ${standing.installations} ${standing.installations === 1 ? 'installation' : 'installations'}`],
    ['Authentication', authMethod],
    ...(jwksUri === undefined ? [] : [['Keys at', jwksUri]]),
    ...(jwks ?? []).map(({ kty, kid }) => ['Key', `${kty}${kid === undefined ? '' : ` ${kid}`}`]),
    ...(client.previousSecret ? [['Old secret until', minute(client.previousSecret.until)]] : []),
    ['Grants', grants.join(', ')],
    ...(client.serviceAccountId ? [['Acts as', client.serviceAccountId]] : []),
    ['Application type', applicationType],
    ...redirectUris.map((uri) => ['Redirect URI', uri]),
  ];
  const next = client.serviceAccountId
    ? `What it may use: toolgrant client tool ${plainText(client.id)}`
    : `Who allowed it what: toolgrant consent list --client ${plainText(client.id)}`;
  return {
    json: {
      ...clientToJson(client),
      isInQuarantine: quarantine !== undefined,
      publisher: overview.trust.publisher ?? null,
      answersGoTo: places,
      people: { count: people.count, isMore: people.isMore },
      consents: standing.consents,
      installations: standing.installations,
      lastTokenAt: lastUsedAt ?? null,
      warnings,
    },
    text: [...rows.map(([name = '', value = '']) => `${name.padEnd(18)}${plainText(value)}`), '', next].join('\n'),
  };
}

function voucherWords({ trust: { voucher, publisher } }: ClientOverview): string {
  if (voucher?.by === 'administrator') {
    return voucher.how === 'made' ? 'an administrator made it' : `an administrator verified it on ${minute(voucher.at)}`;
  }
  return publisher === undefined ? 'nobody: the name is its own claim' : `${publisher}, which publishes it, where answers go there too`;
}
