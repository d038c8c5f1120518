/** Which of the MCP requirements clients of which revision rely on. */

/** The revisions of MCP with authorization, oldest first. */
export const revisions = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const;

/** A revision of MCP. */
export type Revision = (typeof revisions)[number];

/** What came after the first revision: since when, and why. Requirements that are not here hold for all four. */
export const later: Readonly<Record<string, { since: Revision; because: string }>> = {
  'MCP-4': { since: '2025-06-18', because: 'protected resource metadata with `authorization_servers` came with it' },
  'MCP-5': { since: '2025-11-25', because: 'clients have to refuse metadata without it since then' },
  'MCP-6': { since: '2026-07-28', because: 'RFC 9207 came with it; answers carried `iss` to older clients too, which ignore it' },
  'MCP-7': { since: '2025-11-25', because: 'client ID metadata documents came with it' },
  'MCP-29': { since: '2025-11-25', because: 'client ID metadata documents came with it' },
  'MCP-30': { since: '2025-11-25', because: 'client ID metadata documents came with it' },
};

/** Requirements that this product does not have to meet yet, with the reason: no one signs in elsewhere. */
export const notYet: ReadonlySet<string> = new Set(['MCP-18']);

/** Requirements of the authorization server; those that follow are the resource server's. */
export const lastRequirement = 34;

/** Whether clients of a revision rely on a requirement. */
export function applies(requirement: string, revision: Revision): boolean {
  const { since } = later[requirement] ?? {};
  return since === undefined || revision >= since;
}
