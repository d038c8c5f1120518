/** What all samples of views have in common. */
export const now = new Date('2026-11-23T14:05:00Z');
export const frame = { issuer: 'http://localhost:4000', issuerHost: 'localhost:4000' };
export const person = { ...frame, signedInAs: 'ada@example.com' };
export const formToken = 'sample-form-token';
export const agent = { name: 'Claude Code', clientId: 'cli_Xq0mJ9a4' };
export const server = { name: 'Acme Issues', resource: 'https://mcp.acme.example/mcp' };
