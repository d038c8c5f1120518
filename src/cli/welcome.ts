import { plainText } from './plain-text.ts';

/** What a start has to tell whoever sits there. */
export interface Welcome {
  issuer: string;
  demo?: { resource: string; account: { email: string; password: string } };
  firstAdminLink?: { url: string; expiresAt: Date };
  /** Nobody can administer this yet, and no link is shown. */
  lacksAdmin: boolean;
}

/** The lines that `serve` prints once it serves. */
export function welcomeText({ issuer, demo, firstAdminLink, lacksAdmin }: Welcome): string {
  const blocks = [
    [`Toolgrant is running at ${issuer}`],
    demo && [
      `Demo MCP server   ${demo.resource}`,
      `  Claude Code     claude mcp add --transport http tracker ${demo.resource}`,
      `  VS Code         code --add-mcp '{"name":"tracker","type":"http","url":"${demo.resource}"}'`,
      `  Cursor          in ~/.cursor/mcp.json: {"mcpServers":{"tracker":{"url":"${demo.resource}"}}}`,
      '  MCP Inspector   npx @modelcontextprotocol/inspector, then "Streamable HTTP" and the URL above',
    ],
    demo && [`Sign in with      ${demo.account.email}`, `  pass phrase     ${demo.account.password}`],
    firstAdminLink && [
      `First admin       ${firstAdminLink.url}`,
      '                  works once, for 15 minutes; a new one comes with the next start',
    ],
    lacksAdmin ? ['There is no administrator yet: toolgrant user create --admin --email <email>'] : undefined,
    ['Ctrl-C stops everything.'],
  ];
  const shown = blocks.filter((block) => block !== undefined).map((block) => block.map((line) => `  ${plainText(line)}`).join('\n'));
  return `\n${shown.join('\n\n')}\n\n`;
}
