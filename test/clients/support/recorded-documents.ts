/**
 * Clients that introduce themselves by a metadata document: the document, member by member as far as it is known, and what they do
 * beside it. Nothing is fetched from them; a test's own host serves these.
 */
import type { Source } from './recorded-clients.ts';

/** What a client publishes and does. */
export interface RecordedDocument {
  source: Source;
  /** Its client id, where the document is. */
  url: string;
  /** What it publishes beside `client_id`. */
  document: { client_name: string; redirect_uris: readonly string[]; [member: string]: unknown };
  /** Where it wants its answer; a loopback URI with the port of the moment. */
  redirectUri: string;
  /** The `scope` it asks for; absent: it sends none. */
  scope?: string;
  /** How it shows who it is; `assertion`: by a key of its `jwks_uri`. */
  authenticates: 'none' | 'assertion';
  refreshNamesResource: boolean;
  /** What the consent page says of its name. */
  standing: 'published' | 'not verified';
}

const challenged = 'tools resources prompts';
const challengedOffline = `${challenged} offline_access`;
const both = ['authorization_code', 'refresh_token'];

/** One line for each client, by its name. */
export const recordedDocuments: Readonly<Record<string, RecordedDocument>> = {
  'Claude (web)': {
    source: {
      kind: 'reported',
      where: 'copies of the document in public repositories; that it exists: claude.com, authentication for connectors',
      version: '2026-08-14',
    },
    url: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
    document: {
      client_name: 'Claude',
      client_uri: 'https://claude.ai',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      grant_types: [...both, 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirectUri: 'https://claude.ai/api/mcp/auth_callback',
    scope: challengedOffline,
    authenticates: 'none',
    refreshNamesResource: true,
    standing: 'published',
  },
  'Claude Code': {
    source: { kind: 'reported', where: 'lists of documents in public repositories: redirects and method', version: '2026-09-24' },
    url: 'https://claude.ai/oauth/claude-code-client-metadata',
    document: {
      client_name: 'Claude Code',
      redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
      grant_types: both,
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirectUri: 'http://localhost:54545/callback',
    scope: challenged,
    authenticates: 'none',
    refreshNamesResource: true,
    standing: 'not verified',
  },
  ChatGPT: {
    source: {
      kind: 'reported',
      where: 'lists of documents in public repositories; that it uses private_key_jwt: developers.openai.com, Build auth',
      version: '2026-09-24',
    },
    url: 'https://chatgpt.com/oauth/client.json',
    document: {
      client_name: 'ChatGPT',
      redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
      grant_types: both,
      response_types: ['code'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
      jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
    },
    redirectUri: 'https://chatgpt.com/connector_platform_oauth_redirect',
    scope: challenged,
    authenticates: 'assertion',
    refreshNamesResource: true,
    standing: 'published',
  },
  Codex: {
    source: { kind: 'reported', where: 'lists of documents in public repositories: redirects and method', version: '2026-09-24' },
    url: 'https://chatgpt.com/oauth/codex/client.json',
    document: {
      client_name: 'Codex',
      redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
      grant_types: both,
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirectUri: 'http://127.0.0.1:38715/callback',
    scope: challengedOffline,
    authenticates: 'none',
    refreshNamesResource: true,
    standing: 'not verified',
  },
  'VS Code': {
    source: { kind: 'reported', where: 'copies of the document in public repositories', version: '2026-03' },
    url: 'https://vscode.dev/oauth/client-metadata.json',
    document: {
      client_name: 'Visual Studio Code',
      client_uri: 'https://vscode.dev/product',
      redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
      grant_types: [...both, 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    redirectUri: 'http://127.0.0.1:33418/',
    scope: challenged,
    authenticates: 'none',
    refreshNamesResource: true,
    standing: 'not verified',
  },
  Zed: {
    source: {
      kind: 'reported',
      where: 'lists of documents in public repositories; its URL: zed-industries/zed, crates/context_server/src/oauth.rs',
      version: '2026-09-24',
    },
    url: 'https://zed.dev/oauth/client-metadata.json',
    document: {
      client_name: 'Zed',
      client_uri: 'https://zed.dev',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: both,
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirectUri: 'http://127.0.0.1:52341/callback',
    scope: challenged,
    authenticates: 'none',
    refreshNamesResource: true,
    standing: 'not verified',
  },
  Goose: {
    source: {
      kind: 'reported',
      where: 'copies of the document in public repositories; its URL: block/goose, crates/goose/src/oauth/mod.rs',
      version: '2026-07',
    },
    url: 'https://goose-docs.ai/oauth/client-metadata.json',
    document: {
      client_name: 'goose',
      redirect_uris: ['http://127.0.0.1/oauth_callback'],
      grant_types: both,
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirectUri: 'http://127.0.0.1:41234/oauth_callback',
    scope: challengedOffline,
    authenticates: 'none',
    refreshNamesResource: true,
    standing: 'not verified',
  },
};
