/**
 * Well-known MCP clients that others might pass themselves off as: the names they register with, and the hosts that are theirs. Kept
 * short: what is not here is not protected by name, what is here wrongly warns of the true one. Clients that everybody hosts for himself
 * (LibreChat, n8n, the MCP Inspector) have no hosts of their own and cannot be here.
 */

/** A client whose name is known. */
export interface KnownClient {
  /** As people know it. */
  name: string;
  /** All names that it goes by. */
  names: readonly string[];
  /** Hosts where its documents are and its answers go, with all hosts below them. The first one is the one to show. */
  hosts: readonly string[];
  /** Nobody else would call himself so: names that only begin with it, and hosts that only differ by their ending, are looked at too. */
  isDistinctive: boolean;
}

/** The list. Beside each where its names and hosts were read. */
export const knownClients: readonly KnownClient[] = [
  // https://claude.ai/oauth/mcp-oauth-client-metadata, redirects at https://claude.ai/api/mcp/auth_callback and the same at claude.com
  {
    name: 'Claude',
    names: ['Claude', 'Claude Code', 'Anthropic'],
    hosts: ['claude.ai', 'claude.com', 'anthropic.com'],
    isDistinctive: true,
  },
  // https://chatgpt.com/connector_platform_oauth_redirect, https://platform.openai.com/docs/mcp
  { name: 'ChatGPT', names: ['ChatGPT', 'OpenAI'], hosts: ['chatgpt.com', 'openai.com'], isDistinctive: true },
  // https://github.com/openai/codex
  { name: 'Codex', names: ['Codex', 'Codex CLI'], hosts: ['chatgpt.com', 'openai.com'], isDistinctive: false },
  // https://github.com/microsoft/vscode/blob/main/src/vs/base/common/oauth.ts
  {
    name: 'Visual Studio Code',
    names: ['Visual Studio Code', 'VS Code', 'VSCode'],
    hosts: ['vscode.dev', 'code.visualstudio.com'],
    isDistinctive: true,
  },
  // https://docs.github.com/en/copilot/concepts/context/mcp
  {
    name: 'GitHub Copilot',
    names: ['GitHub Copilot', 'GitHub'],
    hosts: ['github.com', 'githubcopilot.com', 'vscode.dev'],
    isDistinctive: false,
  },
  // https://cursor.com/docs/context/mcp; the redirects are cursor://anysphere.…, https://www.cursor.com/… and loopback
  { name: 'Cursor', names: ['Cursor'], hosts: ['cursor.com', 'cursor.sh'], isDistinctive: false },
  // https://docs.windsurf.com/windsurf/cascade/mcp
  { name: 'Windsurf', names: ['Windsurf', 'Codeium'], hosts: ['windsurf.com', 'codeium.com'], isDistinctive: true },
  // https://zed.dev/docs/ai/mcp
  { name: 'Zed', names: ['Zed', 'Zed Editor'], hosts: ['zed.dev'], isDistinctive: false },
  // https://github.com/block/goose, its document: https://goose-docs.ai/oauth/client-metadata.json
  { name: 'Goose', names: ['Goose'], hosts: ['goose-docs.ai', 'block.github.io', 'block.xyz'], isDistinctive: false },
  // https://geminicli.com/docs/tools/mcp-server
  { name: 'Gemini', names: ['Gemini', 'Gemini CLI'], hosts: ['google.com', 'geminicli.com'], isDistinctive: false },
  // https://docs.mistral.ai, https://help.mistral.ai
  { name: 'Le Chat', names: ['Le Chat', 'Mistral', 'Mistral AI'], hosts: ['mistral.ai'], isDistinctive: false },
  // https://www.perplexity.ai/help-center
  { name: 'Perplexity', names: ['Perplexity'], hosts: ['perplexity.ai'], isDistinctive: true },
];
