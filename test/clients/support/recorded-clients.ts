/**
 * What each client does, as far as an authorization server sees it. A client of the field that fails here fails its users; a change of
 * a client is a new line here, with where it was found.
 */
import type { registrationBodies } from '../../support/registration-bodies.ts';

/** Where a client's behaviour was found. `read`: in its own source or package; `documented`: by its maker; `reported`: by others. */
export interface Source {
  kind: 'read' | 'documented' | 'reported';
  /** Repository and path, package, or page. */
  where: string;
  /** Commit, version or date of what was looked at. */
  version: string;
}

/** What a client does. */
export interface RecordedClient {
  source: Source;
  /** The name of its body in `registrationBodies`. */
  registers: keyof typeof registrationBodies;
  /** Where it wants its answer; what it registered, or that with another port. Default: the first that it registered. */
  redirectUri?: string;
  /** The `scope` it asks for; absent: it sends none. */
  scope?: string;
  /** Further parameters of its authorization request. */
  asks?: Readonly<Record<string, string>>;
  /**
   * `resource` as it sends it: as the MCP server's metadata has it, as `URL` spells it (a slash after a bare host), twice, or not at
   * all. Without one the issuer's default counts.
   */
  resource: 'as published' | 'as URL spells it' | 'twice' | 'none';
  /** How it shows at the token endpoint who it is; `basic` as SDKs send it, id and secret not percent-encoded. */
  authenticates: 'none' | 'basic' | 'post';
  /** The `scope` of its refreshes; absent: it sends none. */
  refreshScope?: 'as granted' | 'as requested' | 'as granted, and offline_access';
  /** Whether its refreshes name the resource. */
  refreshNamesResource: boolean;
  /** When it lacks a tool: asks for that alone, for all it ever asked for and that, or not at all. */
  stepUp: 'union' | 'challenge alone' | 'none';
  /** When its loopback port changes: registers again, or comes back with another port. */
  otherPort?: 'registers again' | 'keeps its id';
}

const advertised = 'openid profile email offline_access tools tools.read resources prompts';
const challenged = 'tools resources prompts';
const challengedOffline = `${challenged} offline_access`;

/** One line for each client, by its name. */
export const recordedClients: Readonly<Record<string, RecordedClient>> = {
  'TypeScript SDK v1': {
    source: { kind: 'read', where: '@modelcontextprotocol/sdk, dist/esm/client/auth.js', version: '1.32.2' },
    registers: 'the TypeScript SDK v1',
    scope: challenged,
    resource: 'as URL spells it',
    authenticates: 'post',
    refreshNamesResource: true,
    stepUp: 'none',
  },
  'TypeScript SDK v1, with nothing but a redirect URI': {
    source: { kind: 'read', where: '@modelcontextprotocol/sdk, dist/esm/client/auth.js', version: '1.32.2' },
    registers: 'the TypeScript SDK v1 with nothing but a redirect URI',
    resource: 'as URL spells it',
    authenticates: 'basic',
    refreshNamesResource: true,
    stepUp: 'none',
  },
  'TypeScript SDK v2': {
    source: { kind: 'read', where: '@modelcontextprotocol/client, dist/index.mjs', version: '2.4.0' },
    registers: 'the TypeScript SDK v2',
    scope: challengedOffline,
    asks: { prompt: 'consent' },
    resource: 'as URL spells it',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'union',
  },
  'MCP Inspector': {
    source: { kind: 'read', where: '@modelcontextprotocol/inspector, clients/web/dist', version: '2.12.0' },
    registers: 'the Inspector',
    scope: challengedOffline,
    asks: { prompt: 'consent' },
    resource: 'as URL spells it',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'union',
  },
  'mcp-remote': {
    source: { kind: 'read', where: 'mcp-remote, dist/proxy.js', version: '0.15.1' },
    registers: 'mcp-remote 0.15',
    scope: challengedOffline,
    asks: { prompt: 'consent' },
    resource: 'as URL spells it',
    authenticates: 'none',
    refreshScope: 'as granted',
    refreshNamesResource: true,
    stepUp: 'union',
    otherPort: 'registers again',
  },
  'mcp-remote, the older line': {
    source: { kind: 'read', where: 'geelen/mcp-remote, src/lib/node-oauth-client-provider.ts', version: 'd26e5a8' },
    registers: 'mcp-remote',
    scope: advertised,
    resource: 'as URL spells it',
    authenticates: 'none',
    refreshScope: 'as requested',
    refreshNamesResource: true,
    stepUp: 'none',
    otherPort: 'registers again',
  },
  'VS Code': {
    source: {
      kind: 'read',
      where: 'microsoft/vscode, src/vs/base/common/oauth.ts and src/vs/workbench/api/node/extHostAuthentication.ts',
      version: '05f882b',
    },
    registers: 'VS Code',
    redirectUri: 'http://127.0.0.1:33418/',
    scope: challenged,
    resource: 'as published',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'challenge alone',
    otherPort: 'keeps its id',
  },
  'VS Code in a browser': {
    source: { kind: 'read', where: 'microsoft/vscode, src/vs/workbench/api/common/extHostAuthentication.ts', version: '05f882b' },
    registers: 'VS Code',
    redirectUri: 'https://vscode.dev/redirect',
    scope: challenged,
    resource: 'as published',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'challenge alone',
  },
  'Claude (web)': {
    source: { kind: 'reported', where: 'what MCP servers logged of registrations and authorization requests', version: '2026-09' },
    registers: 'Claude on the web',
    scope: ' offline_access',
    resource: 'as published',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'none',
  },
  'Claude (desktop)': {
    source: {
      kind: 'documented',
      where: 'support.claude.com, custom connectors: connections are made from the web side',
      version: '2026-09',
    },
    registers: 'Claude on the web',
    redirectUri: 'https://claude.com/api/mcp/auth_callback',
    scope: challenged,
    resource: 'as published',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'none',
  },
  'Claude Code': {
    source: { kind: 'reported', where: 'anthropics/claude-code, issues 37747, 42301, 44652', version: '2026-08' },
    registers: 'Claude Code',
    scope: challenged,
    resource: 'as URL spells it',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'none',
    otherPort: 'keeps its id',
  },
  'Claude Code, before it read challenges': {
    source: { kind: 'reported', where: 'anthropics/claude-code, issue 28258: asks for all of scopes_supported', version: '2025-11' },
    registers: 'Claude Code',
    scope: advertised,
    resource: 'none',
    authenticates: 'none',
    refreshNamesResource: false,
    stepUp: 'none',
    otherPort: 'registers again',
  },
  ChatGPT: {
    source: { kind: 'documented', where: 'developers.openai.com, Build auth: client registration, stable callback', version: '2026-08-21' },
    registers: 'ChatGPT',
    scope: challenged,
    resource: 'as published',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'union',
  },
  Codex: {
    source: {
      kind: 'read',
      where: 'openai/codex, codex-rs/rmcp-client/src/perform_oauth_login.rs; rust-sdk, crates/rmcp/src/transport/auth.rs',
      version: '18b3cfc; 4a738b9',
    },
    registers: 'Codex',
    scope: challengedOffline,
    // The SDK names the resource, and a configured one is appended to the URL.
    resource: 'twice',
    authenticates: 'none',
    refreshScope: 'as granted, and offline_access',
    refreshNamesResource: true,
    stepUp: 'union',
    otherPort: 'registers again',
  },
  'Codex with a client id of its own': {
    source: { kind: 'read', where: 'openai/codex, codex-rs/rmcp-client/src/perform_oauth_login.rs', version: '18b3cfc' },
    registers: 'Codex',
    redirectUri: 'http://127.0.0.1:40001/callback/Yb3rX0mQk2_a',
    resource: 'as published',
    authenticates: 'none',
    refreshScope: 'as granted, and offline_access',
    refreshNamesResource: true,
    stepUp: 'union',
  },
  Cursor: {
    source: { kind: 'reported', where: 'what several MCP servers logged of registrations', version: '3.20, 2026-09' },
    registers: 'Cursor 3',
    redirectUri: 'cursor://anysphere.cursor-mcp/oauth/callback',
    scope: challenged,
    resource: 'as published',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'none',
  },
  'Cursor, a year older': {
    source: { kind: 'reported', where: 'what several MCP servers logged of registrations', version: '2025-11' },
    registers: 'Cursor that says web',
    redirectUri: 'http://localhost:8787/callback',
    resource: 'none',
    authenticates: 'none',
    refreshNamesResource: false,
    stepUp: 'none',
  },
  Windsurf: {
    source: { kind: 'reported', where: 'configurations that start mcp-remote with its name and URI', version: '2026-05' },
    registers: 'Windsurf',
    scope: challengedOffline,
    asks: { prompt: 'consent' },
    resource: 'as URL spells it',
    authenticates: 'none',
    refreshScope: 'as granted',
    refreshNamesResource: true,
    stepUp: 'none',
    otherPort: 'registers again',
  },
  Zed: {
    source: { kind: 'read', where: 'zed-industries/zed, crates/context_server/src/oauth.rs', version: '04afc35' },
    registers: 'Zed',
    scope: challenged,
    resource: 'as published',
    authenticates: 'none',
    refreshNamesResource: true,
    stepUp: 'none',
    otherPort: 'registers again',
  },
  Goose: {
    source: {
      kind: 'read',
      where: 'block/goose, crates/goose/src/oauth/mod.rs; rust-sdk, crates/rmcp/src/transport/auth.rs',
      version: '06423fd; 4a738b9',
    },
    registers: 'Goose',
    scope: challengedOffline,
    resource: 'as published',
    authenticates: 'none',
    refreshScope: 'as granted, and offline_access',
    refreshNamesResource: true,
    stepUp: 'union',
    otherPort: 'registers again',
  },
  LibreChat: {
    source: { kind: 'read', where: 'danny-avila/LibreChat, packages/api/src/mcp/oauth/handler.ts', version: '00b3bc3' },
    registers: 'LibreChat',
    scope: challenged,
    resource: 'as published',
    authenticates: 'basic',
    refreshScope: 'as requested',
    refreshNamesResource: false,
    stepUp: 'none',
  },
};
