/** Every route, declared: whose it is, by what it is asked for, and what everybody else gets. */
import type { RawRequest } from './http-exchange.ts';
import { basic, newPkce } from './oauth-client.ts';

/** Who comes with ids that are not theirs; at another tenant: nobody who is known there, and an administrator of it. */
export const strangers = ['anonymous', 'another person', 'an administrator', 'another tenant', 'another tenant’s administrator'] as const;
/** One of them. */
export type Stranger = (typeof strangers)[number];

/** Everything by which something of the owner's can be named or opened. */
export interface Ids {
  uid: string;
  token: string;
  userId: string;
  consentId: string;
  installationId: string;
  keyId: string;
  apiKey: string;
  list: string;
  sha256: string;
  clientId: string;
  redirectUri: string;
  managementToken: string;
  serverId: string;
  credential: string;
  accessToken: string;
  refreshToken: string;
  idToken: string;
  code: string;
  verifier: string;
  xsrf: string;
}

/** A request; a form in it goes out with the token that the browser was given for forms. */
export type Asked = RawRequest & { form?: Record<string, string> };

/** What is declared of a route. */
export interface Declared {
  request(ids: Ids): Asked;
  /** What the owner gets, who comes last. */
  own: number;
  /** What everybody else gets: the same as for ids that never were. */
  others: number | Readonly<Record<Stranger, number>>;
  /** Whether who holds the id or the credential may read it at its own tenant, whoever it is. */
  isShared?: true;
  /** Whether it signs out who comes. */
  signsOut?: true;
}

const onlyAtHome = (own: number, elsewhere: number, signedInElsewhere: number = elsewhere) =>
  ({
    own,
    others: {
      anonymous: own,
      'another person': own,
      'an administrator': own,
      'another tenant': elsewhere,
      'another tenant’s administrator': signedInElsewhere,
    },
    isShared: true,
  }) as const;
const signInOr = (foreign: number) =>
  ({
    anonymous: 200,
    'another person': foreign,
    'an administrator': foreign,
    'another tenant': 200,
    'another tenant’s administrator': foreign,
  }) as const;
/** A form, as it is posted. */
export const formOf = (values: Record<string, string>) => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(values).toString(),
});

/** Routes that belong to someone, or carry an id. */
export const declaredRoutes: Readonly<Record<string, Declared>> = {
  interaction: { request: ({ uid }) => ({ path: `/interaction/${uid}` }), own: 200, others: 400 },
  'interaction-answer': { request: ({ uid }) => ({ path: `/interaction/${uid}`, form: { do: 'deny' } }), own: 303, others: 400 },
  link: { request: ({ token }) => ({ path: `/link/${token}` }), ...onlyAtHome(200, 404) },
  // Too short a password: the page comes back, and the link can still be used.
  'link-use': { request: ({ token }) => ({ path: `/link/${token}`, form: { password: 'short' } }), ...onlyAtHome(200, 404) },
  account: { request: () => ({ path: '/account' }), own: 200, others: 200 },
  activity: { request: ({ clientId }) => ({ path: `/account/activity?agent=${clientId}` }), own: 200, others: 200 },
  'consent-change': { request: ({ consentId }) => ({ path: `/account/consents/${consentId}` }), own: 200, others: signInOr(404) },
  'consent-change-save': {
    request: ({ consentId }) => ({ path: `/account/consents/${consentId}`, form: { do: 'all:read' } }),
    own: 200,
    others: signInOr(404),
  },
  'consent-receipt': { request: ({ consentId }) => ({ path: `/account/consents/${consentId}/receipt` }), own: 200, others: signInOr(404) },
  'consent-revoke': { request: ({ consentId }) => ({ path: `/account/consents/${consentId}/revoke` }), own: 200, others: signInOr(404) },
  'consent-revoke-do': {
    request: ({ consentId }) => ({ path: `/account/consents/${consentId}/revoke`, form: {} }),
    own: 303,
    others: signInOr(404),
  },
  'consent-tool-time': {
    request: ({ consentId }) => ({ path: `/account/consents/${consentId}/time?tool=list_issues` }),
    own: 200,
    others: signInOr(404),
  },
  'consent-tool-time-save': {
    request: ({ consentId }) => ({ path: `/account/consents/${consentId}/time?tool=list_issues`, form: { duration: 'none' } }),
    own: 200,
    others: signInOr(404),
  },
  'consent-pause': {
    request: ({ consentId }) => ({ path: `/account/consents/${consentId}/pause`, form: {} }),
    own: 303,
    others: signInOr(404),
  },
  'consent-resume': {
    request: ({ consentId }) => ({ path: `/account/consents/${consentId}/resume`, form: {} }),
    own: 303,
    others: signInOr(404),
  },
  'consent-unused': {
    request: ({ consentId }) => ({ path: `/account/consents/${consentId}/unused`, form: { tool: 'create_issue' } }),
    own: 303,
    others: signInOr(404),
  },
  'consent-tools': { request: ({ consentId }) => ({ path: `/account/consents/${consentId}/tools` }), own: 200, others: signInOr(404) },
  'consent-places': { request: ({ consentId }) => ({ path: `/account/consents/${consentId}/places` }), own: 200, others: signInOr(404) },
  'consent-place-end': {
    request: ({ consentId, installationId }) => ({ path: `/account/consents/${consentId}/places/${installationId}/end`, form: {} }),
    own: 303,
    others: signInOr(404),
  },
  // Everybody of a tenant sees its servers, and what they have.
  'api-key-new': { request: () => ({ path: '/account/keys/new' }), ...onlyAtHome(200, 200) },
  'api-key-make': {
    request: ({ serverId }) => ({ path: `/account/keys/new?server=${serverId}`, form: { do: 'all:read' } }),
    ...onlyAtHome(200, 200, 404),
  },
  'api-key-replace': { request: ({ keyId }) => ({ path: `/account/keys/${keyId}/replace` }), own: 200, others: signInOr(404) },
  'api-key-replace-do': {
    request: ({ keyId }) => ({ path: `/account/keys/${keyId}/replace`, form: {} }),
    own: 200,
    others: signInOr(404),
  },
  'api-key-revoke': { request: ({ keyId }) => ({ path: `/account/keys/${keyId}/revoke` }), own: 200, others: signInOr(404) },
  'api-key-revoke-do': {
    request: ({ keyId }) => ({ path: `/account/keys/${keyId}/revoke`, form: {} }),
    own: 303,
    others: signInOr(404),
  },
  password: { request: () => ({ path: '/account/password' }), own: 200, others: 200 },
  'password-change': {
    request: () => ({ path: '/account/password', form: { current: 'wrong', password: 'four words of one’s own' } }),
    own: 200,
    others: 200,
  },
  'sign-out': { request: () => ({ path: '/account/sign-out' }), own: 200, others: 200 },
  'sign-out-do': { request: () => ({ path: '/account/sign-out', form: {} }), own: 303, others: signInOr(303), signsOut: true },
  widen: { request: ({ consentId }) => ({ path: `/widen?consent=${consentId}&tool=delete_issue` }), own: 200, others: signInOr(404) },
  'widen-save': {
    request: ({ consentId }) => ({ path: `/widen?consent=${consentId}&tool=delete_issue`, form: { do: 'all:read' } }),
    own: 200,
    others: signInOr(404),
  },
  'status-list': { request: ({ list }) => ({ path: `/status/${list}` }), ...onlyAtHome(200, 404) },
  selection: { request: ({ sha256 }) => ({ path: `/selections/${sha256}` }), ...onlyAtHome(200, 404) },
  'server-hello': {
    request: ({ serverId, credential }) => ({
      path: '/servers/hello',
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...basic(serverId, credential) },
      body: '{"library":"x","version":"1"}',
    }),
    ...onlyAtHome(204, 401),
  },
  'server-reports': {
    request: ({ serverId, credential }) => ({
      path: '/servers/reports',
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...basic(serverId, credential) },
      body: '{"reports":[]}',
    }),
    ...onlyAtHome(200, 401),
  },
  'server-tools': {
    request: ({ serverId, credential }) => ({
      path: '/servers/tools',
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...basic(serverId, credential) },
      body: '{"tools":[]}',
    }),
    ...onlyAtHome(204, 401),
  },
  'protocol-authorize': {
    request: ({ clientId }) => ({
      path: `/authorize?${new URLSearchParams({
        response_type: 'code',
        client_id: clientId,
        redirect_uri: 'http://127.0.0.1:9/callback',
        code_challenge_method: 'S256',
        code_challenge: newPkce().challenge,
        resource: 'https://tracker.example/mcp',
      })}`,
    }),
    ...onlyAtHome(303, 400),
  },
  'protocol-resume': { request: ({ uid }) => ({ path: `/authorize/${uid}` }), own: 303, others: 400 },
  'protocol-token': {
    request: ({ clientId, refreshToken }) => ({
      path: '/token',
      ...formOf({ grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken }),
    }),
    ...onlyAtHome(200, 401),
  },
  'protocol-introspect': {
    request: ({ serverId, credential, accessToken }) => {
      const { headers, ...sent } = formOf({ token: accessToken });
      return { path: '/introspect', ...sent, headers: { ...headers, ...basic(serverId, credential) } };
    },
    ...onlyAtHome(200, 401),
  },
  'protocol-revoke': {
    request: ({ clientId, refreshToken }) => ({ path: '/revoke', ...formOf({ client_id: clientId, token: refreshToken }) }),
    ...onlyAtHome(200, 401),
  },
  'protocol-management': {
    request: ({ clientId, managementToken }) => ({
      path: `/register/${clientId}`,
      headers: { Authorization: `Bearer ${managementToken}` },
    }),
    ...onlyAtHome(200, 401),
  },
  'protocol-signOut': {
    request: ({ clientId }) => ({
      path: `/logout?${new URLSearchParams({ client_id: clientId, post_logout_redirect_uri: 'http://127.0.0.1:9/out' })}`,
    }),
    own: 200,
    others: {
      anonymous: 303,
      'another person': 200,
      'an administrator': 200,
      'another tenant': 400,
      'another tenant’s administrator': 400,
    },
    isShared: true,
  },
  'protocol-signOutConfirm': {
    request: ({ xsrf }) => ({ path: '/logout/confirm', ...formOf({ xsrf, logout: 'yes' }) }),
    own: 303,
    others: 400,
  },
};

/** Routes that carry no id and show nothing of anybody. */
export const openRoutes = new Set([
  'start',
  'sign-in',
  'asset',
  'audit-keys',
  'audit-keys-preflight',
  'status-list-preflight',
  'selection-preflight',
  'protocol-register',
  'protocol-jwks',
  'protocol-signedOut',
  'protocol-oauthMetadata',
  'protocol-openidMetadata',
]);
