import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { API_KEY_RANDOM_CHARACTERS, spellApiKey } from '../../../src/resource-server/api-key-form.ts';
import { allowedTools, resource } from '../contenders/contender.ts';

/** An issuer that exists as a key and a `fetch` only, so that verification is measured and nothing else. */
export interface PaperIssuer {
  issuer: string;
  jwks: { keys: Record<string, unknown>[] };
  /** Answers for metadata, keys and the status list. */
  fetch: (url: string) => Promise<Response>;
  /** Makes `count` different access tokens, as Toolgrant makes them. */
  makeTokens(count: number): string[];
  /** Makes `count` different API keys, which introspection knows. */
  makeApiKeys(count: number): string[];
}

/** The tool whose permission is checked. */
export const checkedTool = 'get_issue';

const kid = 'bench';
/** As published: 131,072 indices of one bit. */
const statusListBytes = 16_384;

/** Makes one. */
export function createPaperIssuer(): PaperIssuer {
  const issuer = 'https://issuer.example';
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] };
  const statusUri = `${issuer}/status/0`;
  const documents: Record<string, () => Response> = {
    [`${issuer}/.well-known/oauth-authorization-server`]: () => Response.json({ issuer, jwks_uri: `${issuer}/jwks` }),
    [`${issuer}/jwks`]: () => Response.json(jwks),
    [`${issuer}/introspect`]: () => Response.json(introspectedKey(issuer)),
    [`${issuer}/servers/hello`]: () => new Response(null, { status: 204 }),
    [statusUri]: () => new Response(makeStatusList(privateKey, { issuer, uri: statusUri })),
  };
  return {
    issuer,
    jwks,
    fetch: async (url) => documents[url]?.() ?? new Response(null, { status: 404 }),
    makeTokens: (count) => Array.from({ length: count }, (_, place) => makeAccessToken(privateKey, { issuer, statusUri, place })),
    makeApiKeys: (count) =>
      Array.from({ length: count }, (_, place) => spellApiKey(place.toString().padStart(API_KEY_RANDOM_CHARACTERS, '0'))),
  };
}

function introspectedKey(issuer: string): object {
  const scope = allowedTools.map((tool) => `tool:${tool}`).join(' ');
  const exp = Math.floor(Date.now() / 1_000) + 86_400;
  return { active: true, iss: issuer, aud: resource, sub: 'svc_AAAAAAAAAAAAAAAAAAAA', client_id: 'key_AAAAAAAAAAAAAAAAAAAA', scope, exp };
}

function makeAccessToken(key: KeyObject, { issuer, statusUri, place }: { issuer: string; statusUri: string; place: number }): string {
  const now = Math.floor(Date.now() / 1_000);
  return makeJwt(key, 'at+jwt', {
    iss: issuer,
    aud: resource,
    sub: `usr_${place.toString().padStart(20, '0')}`,
    client_id: 'cli_AAAAAAAAAAAAAAAAAAAA',
    scope: scopeOf(place),
    iat: now,
    exp: now + 900,
    jti: place.toString().padStart(43, '0'),
    auth_time: now,
    consent: `cns_${place.toString().padStart(20, '0')}`,
    status: { status_list: { idx: place % (statusListBytes * 8), uri: statusUri } },
  });
}

/** One of 128 choices of tools; each allows the tool that is asked for. */
function scopeOf(place: number): string {
  const chosen = allowedTools.filter((tool, index) => tool === checkedTool || (place >> (index % 7)) % 2 === 1);
  return chosen.map((tool) => `tool:${tool}`).join(' ');
}

function makeStatusList(key: KeyObject, { issuer, uri }: { issuer: string; uri: string }): string {
  const now = Math.floor(Date.now() / 1_000);
  const lst = deflateSync(Buffer.alloc(statusListBytes)).toString('base64url');
  return makeJwt(key, 'statuslist+jwt', { iss: issuer, sub: uri, iat: now, exp: now + 300, ttl: 10, status_list: { bits: 1, lst } });
}

function makeJwt(key: KeyObject, typ: string, payload: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'ES256', kid, typ })}.${encode(payload)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
