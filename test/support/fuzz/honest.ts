/** One honest request for each thing that can be asked of an issuer: what the fuzzer begins with. */
import { readAssets } from '../../../src/http/documents/assets.ts';
import type { Route } from '../../../src/http/route.ts';
import { createRoutes } from '../../../src/http/routes.ts';
import { paths } from '../../../src/oidc/routes.ts';
import { registrationBodies } from '../registration-bodies.ts';
import { type Draft, type DraftBody, fact } from './draft.ts';

type Honest = Omit<Draft, 'place' | 'framing' | 'spelling'>;

/** What stands in a path of the route table. */
const pathFacts: Readonly<Record<string, string>> = {
  uid: fact('Uid'),
  token: fact('Link'),
  consentId: fact('ConsentId'),
  list: '0',
  sha256: fact('Sha256'),
  name: 'base.css',
};

const session: [string, string] = ['Cookie', fact('Cookies')];
const html: [string, string] = ['Accept', 'text/html'];

/** What a form of the route table carries, besides its token. */
const formFields: Readonly<Record<string, [string, string][]>> = {
  'interaction-answer': [
    ['shown', fact('Shown')],
    ['tool', 'list_issues'],
    ['duration', '30d'],
    ['do', 'allow'],
  ],
  'sign-in': [
    ['return_to', '/account'],
    ['email', fact('Email')],
    ['password', 'wrong horse'],
  ],
  'link-use': [['password', 'a long enough passphrase of today']],
  'consent-change-save': [
    ['shown', fact('Shown')],
    ['tool', 'list_issues'],
    ['do', 'all:read'],
  ],
  'password-change': [
    ['current', 'wrong horse'],
    ['password', 'a long enough passphrase of today'],
  ],
  'widen-save': [['do', 'all:read']],
};

function fromTable({ name, method, path, kind, access }: Route): Honest {
  const filled = path.replaceAll(/:(\w+)/g, (_, parameter: string) => pathFacts[parameter] ?? fact(parameter));
  const headers: [string, string][] = kind === 'page' ? [html, session] : [['Accept', '*/*']];
  const query: [string, string][] =
    path === '/widen'
      ? [
          ['consent', fact('ConsentId')],
          ['tool', 'delete_issue'],
        ]
      : [];
  if (method !== 'POST') return { name, method, path: filled, query, headers };
  if (access === 'server')
    return { name, method, path: filled, query, headers: [...headers, serverBasic], body: json({ library: 'x', version: '1' }) };
  const pairs: [string, string][] = [['form_token', fact('FormToken')], ...(formFields[name] ?? [])];
  return { name, method, path: filled, query, headers: [...headers, ['Origin', fact('Origin')]], body: { kind: 'form', pairs } };
}

const serverBasic: [string, string] = ['Authorization', `Basic ${fact('ServerBasic')}`];
const json = (value: unknown): DraftBody => ({ kind: 'json', value });
const form = (fields: Record<string, string>): DraftBody => ({ kind: 'form', pairs: Object.entries(fields) });

/** Registrations, as known clients send them. */
export const registrations: readonly Honest[] = Object.values(registrationBodies).map((body) => ({
  name: 'register',
  method: 'POST',
  path: paths.register,
  query: [],
  headers: [],
  body: json(body),
}));

const managed = {
  client_id: fact('ManagedClientId'),
  redirect_uris: ['http://127.0.0.1:9/callback'],
  token_endpoint_auth_method: 'none',
  client_name: 'Test agent',
};

/** Clients of their own: everything else goes by one that stays as it is. */
const management: readonly Honest[] = (['GET', 'PUT', 'DELETE'] as const).map((method) => {
  const [client, token] = method === 'DELETE' ? ['DoomedClientId', 'DoomedToken'] : ['ManagedClientId', 'ManagementToken'];
  return {
    name: `manage ${method}`,
    method,
    path: `${paths.register}/${fact(client)}`,
    query: [],
    headers: [['Authorization', `Bearer ${fact(token)}`]],
    ...(method === 'PUT' && { body: json(managed) }),
  };
});

const authorization = (more: Record<string, string>, headers: [string, string][]): Honest => ({
  name: 'authorize',
  method: 'GET',
  path: paths.authorize,
  query: Object.entries({
    response_type: 'code',
    client_id: fact('ClientId'),
    redirect_uri: fact('RedirectUri'),
    code_challenge: fact('Challenge'),
    code_challenge_method: 'S256',
    resource: fact('Resource'),
    state: 'a state',
    ...more,
  }),
  headers: [html, ...headers],
});

/** Authorization requests, by people who are signed in and who are not. */
export const authorizations: readonly Honest[] = [
  authorization({ scope: 'tools' }, []),
  authorization({ scope: 'tools' }, [session]),
  authorization({ scope: 'openid offline_access tools.read', nonce: 'n', prompt: 'consent' }, [session]),
  authorization({ prompt: 'none' }, [session]),
  authorization({ prompt: 'login', max_age: '0', login_hint: fact('Email'), ui_locales: 'de en' }, []),
  authorization({ client_id: fact('SecretClientId'), redirect_uri: fact('SecretRedirectUri') }, [session]),
  authorization({ client_id: fact('MetadataClientId'), redirect_uri: 'https://nowhere.example/cb' }, []),
  authorization({ client_id: fact('MetadataClientId'), redirect_uri: 'http://localhost:9/cb' }, [session]),
];

const public_ = { client_id: fact('ClientId') };
const clientBasic: [string, string] = ['Authorization', `Basic ${fact('ClientBasic')}`];

const tokenRequests: readonly Honest[] = [
  {
    name: 'code',
    body: form({
      grant_type: 'authorization_code',
      ...public_,
      redirect_uri: fact('RedirectUri'),
      code: fact('Code'),
      code_verifier: fact('CodeVerifier'),
    }),
    headers: [],
  },
  {
    name: 'refresh',
    body: form({ grant_type: 'refresh_token', ...public_, refresh_token: fact('RefreshToken'), scope: 'tools' }),
    headers: [],
  },
  {
    name: 'refresh, resource',
    body: form({ grant_type: 'refresh_token', ...public_, refresh_token: fact('RefreshToken'), resource: fact('Resource') }),
    headers: [],
  },
  {
    name: 'code, secret',
    body: form({
      grant_type: 'authorization_code',
      redirect_uri: fact('SecretRedirectUri'),
      code: fact('Code'),
      code_verifier: fact('CodeVerifier'),
    }),
    headers: [clientBasic],
  },
  {
    name: 'code, assertion',
    body: form({
      grant_type: 'authorization_code',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: fact('Assertion'),
      code: fact('Code'),
      code_verifier: fact('CodeVerifier'),
    }),
    headers: [] as [string, string][],
  },
].map(({ name, body, headers }) => ({
  name: `token ${name}`,
  method: 'POST',
  path: paths.token,
  query: [],
  headers: headers as [string, string][],
  body,
}));

const inspections: readonly Honest[] = [
  {
    name: 'introspect',
    method: 'POST',
    path: paths.introspect,
    query: [],
    headers: [serverBasic],
    body: form({ token: fact('AccessToken'), token_type_hint: 'access_token' }),
  },
  {
    name: 'introspect as a client',
    method: 'POST',
    path: paths.introspect,
    query: [],
    headers: [clientBasic],
    body: form({ token: fact('RefreshToken') }),
  },
  { name: 'revoke', method: 'POST', path: paths.revoke, query: [], headers: [], body: form({ ...public_, token: fact('AccessToken') }) },
  {
    name: 'revoke as a client',
    method: 'POST',
    path: paths.revoke,
    query: [],
    headers: [clientBasic],
    body: form({ token: fact('RefreshToken'), token_type_hint: 'refresh_token' }),
  },
];

const visits: readonly Honest[] = [
  { name: 'resume', method: 'GET', path: `${paths.authorize}/${fact('Uid')}`, query: [], headers: [html, session] },
  {
    name: 'interaction sign-in',
    method: 'POST',
    path: `/interaction/${fact('LoginUid')}`,
    query: [],
    headers: [html, ['Cookie', fact('LoginCookies')], ['Origin', fact('Origin')]],
    body: form({ form_token: fact('LoginFormToken'), email: fact('Email'), password: 'wrong horse' }),
  },
  {
    name: 'logout',
    method: 'GET',
    path: paths.signOut,
    query: [
      ['id_token_hint', fact('IdToken')],
      ['post_logout_redirect_uri', fact('PostLogoutUri')],
      ['state', 'x'],
    ],
    headers: [html, ['Cookie', fact('LoginCookies')]],
  },
  {
    name: 'logout of a person',
    method: 'GET',
    path: paths.signOut,
    query: [
      ['client_id', fact('ClientId')],
      ['post_logout_redirect_uri', fact('PostLogoutUri')],
    ],
    headers: [html, session],
  },
  {
    name: 'logout confirm',
    method: 'POST',
    path: paths.signOutConfirm,
    query: [],
    headers: [html, session],
    body: form({ xsrf: fact('Xsrf') }),
  },
  { name: 'logged out', method: 'GET', path: paths.signedOut, query: [], headers: [html] },
];

const documents: readonly Honest[] = [
  paths.jwks,
  paths.oauthMetadata,
  paths.openidMetadata,
  '/.well-known/oauth-authorization-server/t/fuzz-below',
  '/.well-known/openid-configuration/t/fuzz-below',
  '/t/fuzz-below/.well-known/openid-configuration',
  '/healthz',
  '/readyz',
  '/metrics',
].map((path) => ({ name: `document ${path}`, method: 'GET', path, query: [], headers: [] }));

/** Preflights of what scripts may call. */
const preflights: readonly Honest[] = [paths.token, paths.register, paths.jwks, paths.revoke].map((path) => ({
  name: `preflight ${path}`,
  method: 'OPTIONS',
  path,
  query: [],
  headers: [
    ['Origin', 'https://app.example'],
    ['Access-Control-Request-Method', 'POST'],
    ['Access-Control-Request-Headers', 'content-type'],
  ],
}));

/** One of everything; a route of the table cannot be left out. */
export const everything: readonly Honest[] = [
  ...createRoutes(readAssets()).map(fromTable),
  ...registrations,
  ...management,
  ...authorizations,
  ...tokenRequests,
  ...inspections,
  ...visits,
  ...documents,
  ...preflights,
];
