/**
 * What somebody may try at a tenant where credentials of his own are good, with something of another tenant's. Routes that know callers by
 * a browser alone are not here: there, ids and cookies of another tenant are all that there is to try.
 */
import { randomToken } from '../../src/platform/random.ts';
import { type Asked, formOf, type Ids } from './declared-routes.ts';
import { basic, newPkce } from './oauth-client.ts';

/** A request, and its answer: the same as for ids that never were. */
export interface Crossing {
  request: Asked;
  status: number;
  /** What is in the address that it leads to. */
  leadsTo?: string;
  /** The whole body, or members of it. */
  says?: string | Readonly<Record<string, unknown>>;
}

/** By what is tried. */
export type Crossings = Readonly<Record<string, Crossing>>;

const invalidGrant = { status: 400, says: { error: 'invalid_grant' } };
const invalidClient = { status: 401, says: { error: 'invalid_client' } };
const invalidToken = { status: 401, says: { error: 'invalid_token' } };
const inactive = { status: 200, says: '{"active":false}' };
const noEffect = { status: 200, says: '' };

/** A form of a client or a server that authenticates by Basic. */
function formBy(id: string, secret: string, values: Record<string, string>) {
  const { headers, ...sent } = formOf(values);
  return { ...sent, headers: { ...headers, ...basic(id, secret) } };
}

/** JSON, from a server. */
function postBy(id: string, secret: string, { path, body }: { path: string; body: object }): Asked {
  const headers = { Accept: 'application/json', 'Content-Type': 'application/json', ...basic(id, secret) };
  return { path, method: 'POST', headers, body: JSON.stringify(body) };
}

/** Half of a server's credential with the other half of another's. */
function halves(path: string, body: object): (theirs: Ids, own: Ids) => Crossings {
  return (theirs, own) => ({
    'their server by a credential of one’s own': { request: postBy(theirs.serverId, own.credential, { path, body }), ...invalidClient },
    'a server of one’s own by their credential': { request: postBy(own.serverId, theirs.credential, { path, body }), ...invalidClient },
  });
}

/** What a server reports of a call; members may be replaced, or left out by `undefined`. */
export function reportAbout({ userId, clientId, consentId }: Ids, members: Readonly<Record<string, unknown>> = {}): object {
  return {
    id: `rpt_${randomToken(16)}`,
    at: new Date().toISOString(),
    subject: userId,
    client: clientId,
    consent: consentId,
    tool: 'list_issues',
    outcome: 'success',
    ...members,
  };
}

function authorizationOf({ clientId, redirectUri }: Ids, more: Record<string, string> = {}): Asked {
  const asked = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge_method: 'S256',
    code_challenge: newPkce().challenge,
    resource: 'https://tracker.example/mcp',
    ...more,
  };
  return { path: `/authorize?${new URLSearchParams(asked)}` };
}

/** A request for the registration of a client; PUT would take it over. */
function managementOf(clientId: string, token: string, method: string): Asked {
  const metadata = {
    client_id: clientId,
    client_name: 'Taken over',
    redirect_uris: ['https://thief.example/callback'],
    token_endpoint_auth_method: 'none',
  };
  const headers = { Authorization: `Bearer ${token}` };
  const path = `/register/${clientId}`;
  if (method !== 'PUT') return { method, path, headers };
  return { method, path, headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(metadata) };
}

/** By the name of the route. `own` is good at the tenant that is asked, `theirs` is of the other. */
export const crossings: Readonly<Record<string, (theirs: Ids, own: Ids) => Crossings>> = {
  'server-hello': halves('/servers/hello', { library: 'x', version: '1' }),
  'server-tools': halves('/servers/tools', { tools: [] }),
  'server-reports': (theirs, own) => {
    const path = '/servers/reports';
    const report = (about: object, member: string): Crossing => ({
      request: postBy(own.serverId, own.credential, { path, body: { reports: [about] } }),
      status: 200,
      says: { accepted: 0, known: 0, refused: [{ index: 0, member }] },
    });
    return {
      ...halves(path, { reports: [] })(theirs, own),
      'a call by their consent': report(reportAbout(theirs), 'consent'),
      'a call by their consent for people of one’s own': report(reportAbout(own, { consent: theirs.consentId }), 'consent'),
      'a call by a consent of one’s own for their person': report(reportAbout(own, { subject: theirs.userId }), 'consent'),
      'a call by their API key': report(reportAbout(theirs, { client: theirs.keyId, consent: undefined }), 'client'),
    };
  },
  'protocol-authorize': (theirs, own) => ({
    'their client, back to a place of one’s own': { request: authorizationOf({ ...own, clientId: theirs.clientId }), status: 400 },
    'proof that their person was signed in': {
      request: authorizationOf(own, { scope: 'openid tools', id_token_hint: theirs.idToken }),
      status: 303,
      leadsTo: 'error=invalid_request',
    },
  }),
  'protocol-token': (theirs, own) => {
    const ask = (values: Record<string, string>): Asked => ({ path: '/token', ...formOf({ client_id: own.clientId, ...values }) });
    const code = { grant_type: 'authorization_code', code: theirs.code, code_verifier: theirs.verifier };
    return {
      'their refresh token': { request: ask({ grant_type: 'refresh_token', refresh_token: theirs.refreshToken }), ...invalidGrant },
      'their code': { request: ask({ ...code, redirect_uri: theirs.redirectUri }), ...invalidGrant },
      'their code, back to a place of one’s own': { request: ask({ ...code, redirect_uri: own.redirectUri }), ...invalidGrant },
      'their API key': {
        request: { path: '/token', ...formBy(theirs.keyId, theirs.apiKey, { grant_type: 'client_credentials' }) },
        ...invalidClient,
      },
    };
  },
  'protocol-introspect': (theirs, own) => {
    const ask = (token: string, more: Record<string, string> = {}): Crossing => ({
      request: { path: '/introspect', ...formBy(own.serverId, own.credential, { token, ...more }) },
      ...inactive,
    });
    // A question with more in it is the engine's to read.
    const more = { ui_locales: 'en' };
    return {
      'their access token': ask(theirs.accessToken),
      'their access token, the long way': ask(theirs.accessToken, more),
      'their refresh token': ask(theirs.refreshToken),
      'their refresh token, the long way': ask(theirs.refreshToken, more),
      'their API key': ask(theirs.apiKey),
      'their API key, the long way': ask(theirs.apiKey, more),
    };
  },
  'protocol-revoke': (theirs, own) => {
    const revoke = (token: string): Crossing => ({
      request: { path: '/revoke', ...formOf({ client_id: own.clientId, token }) },
      ...noEffect,
    });
    return {
      'their access token': revoke(theirs.accessToken),
      'their refresh token': revoke(theirs.refreshToken),
      'their code': revoke(theirs.code),
      'their API key': revoke(theirs.apiKey),
    };
  },
  'protocol-management': (theirs, own) => {
    const ask = (clientId: string, token: string, method: string): Crossing => ({
      request: managementOf(clientId, token, method),
      ...invalidToken,
    });
    return Object.fromEntries(
      ['GET', 'PUT', 'DELETE'].flatMap((method) => [
        [`${method}: their client by a token of one’s own`, ask(theirs.clientId, own.managementToken, method)],
        [`${method}: a client of one’s own by their token`, ask(own.clientId, theirs.managementToken, method)],
        [`${method}: their client by its token`, ask(theirs.clientId, theirs.managementToken, method)],
      ]),
    );
  },
  'protocol-signOut': (theirs, own) => ({
    'proof that their person was signed in': {
      request: { path: `/logout?${new URLSearchParams({ client_id: own.clientId, id_token_hint: theirs.idToken })}` },
      status: 400,
    },
  }),
};
