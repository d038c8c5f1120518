import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CommandResult, jsonOf, problemOf, runCommand, type Settings, settingsFor } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { query } from '../support/database-holder.ts';
import { findFreePort } from '../support/free-port.ts';
import { type RawMcpServer, startRawMcpServer } from '../support/raw-mcp-server.ts';

let database: TestDatabase;
let env: Settings;
let server: RawMcpServer;

const tool = (name: string, annotations: object = {}) => ({ name, inputSchema: { type: 'object' }, annotations });
const tools = [tool('look', { readOnlyHint: true, openWorldHint: false }), tool('change', { destructiveHint: false }), tool('anything')];

beforeAll(async () => {
  database = await createTestDatabase();
  env = settingsFor(database);
  server = await startRawMcpServer({ listTools: () => ({ tools }) });
});

afterAll(async () => {
  await server?.stop();
  await database?.drop();
});

const run = (...args: string[]): Promise<CommandResult> => runCommand(args, { env });

interface Added {
  id: string;
  credential: string;
  tools: number;
}

describe('server add', () => {
  it('reads the tools, prints id and credential once, and keeps the digest alone', async () => {
    const result = await run('server', 'add', server.resource, '--name', 'Raw server');
    expect(result).toMatchObject({ code: 0, err: '' });
    const id = /^Server id: +(srv_[\w-]{20})$/m.exec(result.out)?.[1];
    const credential = /^Server credential: +(\S+)$/m.exec(result.out)?.[1] ?? '';
    const [owner, secret = ''] = credential.split(':');
    expect(owner).toBe(id);
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(result.out).toContain('3 tools.');
    expect(result.out).toContain('Next: ');
    const kept = JSON.stringify(
      await query(database.ownerUrl, 'SELECT row_to_json(s) FROM servers s UNION ALL SELECT row_to_json(a) FROM audit_events a'),
    );
    expect(kept).toContain('server.added');
    expect(kept).not.toContain(secret);
  });

  it('sends along the headers that it was given, and shows them nowhere', async () => {
    const other = await startRawMcpServer({ listTools: () => ({ tools }) });
    const result = await run(
      'server',
      'add',
      other.resource,
      '--name',
      'B',
      '--header',
      'Authorization: Bearer hush',
      '--header',
      'X-Key:hush',
      '--json',
    );
    await other.stop();
    expect(jsonOf<Added>(result)).toMatchObject({ tools: 3, credential: expect.stringMatching(/^srv_[\w-]+:[\w-]{43}$/) });
    expect(other.requests.length).toBeGreaterThan(0);
    for (const headers of other.requests) expect(headers).toMatchObject({ authorization: 'Bearer hush', 'x-key': 'hush' });
    const rows = await query(database.ownerUrl, 'SELECT row_to_json(s) FROM servers s UNION ALL SELECT row_to_json(a) FROM audit_events a');
    expect(result.out + result.err + JSON.stringify(rows)).not.toContain('hush');
  });

  it('warns of tools that it leaves out, and shows their names as inert text', async () => {
    const odd = await startRawMcpServer({ listTools: () => ({ tools: [...tools, tool('\u001b[31mred\u202e')] }) });
    const result = await run('server', 'add', odd.resource, '--name', 'Odd');
    await odd.stop();
    expect(result.out).toContain('Warning: \\u{1b}[31mred\\u{202e} is left out, because its name cannot be written in a scope.');
    for (const steering of ['\u001b', '\u202e']) expect(result.out).not.toContain(steering);
  });

  it('adds nothing when the tools cannot be read, and says how to add it all the same', async () => {
    const resource = `http://localhost:${await findFreePort()}/mcp`;
    const refused = await run('server', 'add', resource, '--name', 'Later');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('cannot be reached. Start the server, or correct the URL.');
    expect(refused.err).toContain('--no-sync');
    expect((await run('server', 'list')).out).not.toContain(resource);
    const added = jsonOf<Added>(await run('server', 'add', resource, '--name', 'Later', '--no-sync', '--json'));
    expect(added).toMatchObject({ tools: 0, change: null });
    const sync = await run('server', 'sync', added.id);
    expect(sync).toMatchObject({ code: 1, err: expect.stringContaining('The tools stay as they were last read.') });
    expect((await run('server', 'list')).out).toMatch(new RegExp(`^${added.id} .* never, now unreachable +not seen$`, 'm'));
  });

  it.each([
    ['bad-resource', ['mcp.example.com', '--name', 'A'], 'no whole URL'],
    ['bad-resource', ['http://mcp.example.com/mcp', '--name', 'A'], 'plain http'],
    ['bad-resource', ['https://mcp.example.com/mcp#x', '--name', 'A'], 'fragment'],
    ['bad-resource', ['https://u:p@mcp.example.com/mcp', '--name', 'A'], 'user name'],
    ['bad-name', ['https://mcp.example.com/mcp', '--name', ' '], 'needs a name'],
    ['bad-header', ['https://mcp.example.com/mcp', '--name', 'A', '--header', 'a b: c'], 'cannot be sent'],
  ])('ABUSE-59: refuses (%s) %j', async (code, args, words) => {
    const result = await run('server', 'add', ...args, '--json');
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(problemOf(result)).toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it('MCP-21: knows a server that is there by any spelling of its URL', async () => {
    const result = await run('server', 'add', server.resource.replace('http:', 'HTTP:'), '--name', 'Again', '--json');
    expect(problemOf(result)).toMatchObject({ code: 'resource-taken', message: expect.stringMatching(/toolgrant server sync srv_/) });
  });
});

describe('server list, sync, tool', () => {
  it('list what is there', async () => {
    const text = await run('server', 'list');
    expect(text.out).toMatch(/^ID +NAME +URL +TOOLS +READ +LIBRARY\n/);
    expect(text.out).toMatch(new RegExp(`^srv_\\S+ +Raw server +${server.resource} +3 +\\d{4}-.* +not seen$`, 'm'));
    const list = jsonOf<{ resource: string; tools: number; library: unknown }[]>(await run('server', 'list', '--json'));
    expect(list.find(({ resource }) => resource === server.resource)).toMatchObject({ tools: 3, library: null, demo: false });
  });

  it('sync tells what changed', async () => {
    server.behaviour.listTools = () => ({ tools: [tool('look', { readOnlyHint: true }), tool('anything'), tool('fresh')] });
    const result = await run('server', 'sync', server.resource);
    expect(result).toMatchObject({
      code: 0,
      out: '3 tools.\nNew: fresh\nRiskier, so that whoever allowed them looks again: look\nGone: change\n',
    });
    expect(jsonOf(await run('server', 'sync', server.resource, '--json'))).toMatchObject({ tools: 3, added: [], changed: [], removed: [] });
    expect(problemOf(await run('server', 'sync', 'srv_none', '--json')).code).toBe('unknown-server');
  });

  it('tool shows what tools may do, and takes the word of an administrator instead', async () => {
    expect((await run('server', 'tool', server.resource)).out).toMatch(/^anything +destructive +yes +nobody: assumed$/m);
    expect((await run('server', 'tool', server.resource, 'anything')).out).toBe(
      'anything: destructive, reaches beyond its server, where the worst is assumed, because the server does not say whether it can destroy or whether it reaches beyond its server.\n',
    );
    expect((await run('server', 'tool', server.resource)).out).toMatch(/^look +read +yes +the server, in part$/m);
    const tame = await run('server', 'tool', server.resource, 'anything', '--risk', 'write');
    expect(tame.out).toBe("anything: write, reaches beyond its server, by an administrator's word.\n");
    const closed = jsonOf(await run('server', 'tool', server.resource, 'anything', '--closed-world', '--json'));
    expect(closed).toMatchObject({ risk: 'write', openWorld: false, overridden: true });
    const claimed = jsonOf(await run('server', 'tool', server.resource, 'anything', '--as-claimed', '--json'));
    expect(claimed).toMatchObject({ risk: 'destructive', openWorld: true, overridden: false });
  });

  it('tool tells every definition that a tool had, and what has changed since', async () => {
    const text = await run('server', 'tool', server.resource, 'look', '--history');
    expect(text.out).toMatch(/^FIRST SEEN +DIGEST +WHAT HAS CHANGED SINCE\n\d{4}-.* as it is now\n\d{4}-.* riskier \(risk\)\n$/);
    const history = jsonOf<object[]>(await run('server', 'tool', server.resource, 'look', '--history', '--json'));
    expect(history).toMatchObject([{ change: 'none' }, { change: 'riskier', traits: ['risk'], definition: { name: 'look' } }]);
  });

  it('tool lets an administrator look for everybody, where the tenant says so', async () => {
    const refused = await run('server', 'tool', server.resource, 'look', '--accept', '--json');
    expect(problemOf(refused)).toMatchObject({ code: 'for-people', message: expect.stringContaining('riskier-tools=administrators') });
    await run('tenant', 'set', 'riskier-tools=administrators');
    const accepted = jsonOf(await run('server', 'tool', server.resource, 'look', '--accept', '--json'));
    expect(accepted).toMatchObject({ name: 'look', acceptedAt: expect.any(String), doubted: false });
    expect((await run('server', 'tool', server.resource, 'look')).out).toMatch(/^Accepted for everybody on \d{4}-/m);
    for (const args of [['--accept'], ['--history'], ['look', '--accept', '--risk', 'read']])
      expect((await run('server', 'tool', server.resource, ...args)).code).toBe(2);
    await run('tenant', 'set', 'riskier-tools=');
  });

  it('tool names what is missing', async () => {
    expect(problemOf(await run('server', 'tool', server.resource, 'none', '--json')).code).toBe('unknown-tool');
    expect(await run('server', 'tool', server.resource, '--risk', 'read')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Name the tool'),
    });
  });
});

describe('server credential, remove', () => {
  it('credential replaces the old one and shows the new one once', async () => {
    const before = await query(database.ownerUrl, `SELECT id, credential_digest FROM servers WHERE resource = '${server.resource}'`);
    const { id, credential } = jsonOf<Added>(await run('server', 'credential', server.resource, '--json'));
    expect(id).toBe(before[0]?.['id']);
    const after = await query(database.ownerUrl, `SELECT id, credential_digest FROM servers WHERE id = '${id}'`);
    expect(after[0]?.['credential_digest']).not.toBe(before[0]?.['credential_digest']);
    expect(JSON.stringify(after)).not.toContain(credential.split(':')[1]);
  });

  it('remove takes a server away with its tools', async () => {
    expect(await run('server', 'remove', server.resource)).toMatchObject({
      code: 0,
      out: 'Raw server is removed. 0 consents ended with it.\n',
    });
    for (const name of ['remove', 'credential', 'sync', 'tool']) {
      expect(problemOf(await run('server', name, server.resource, '--json')).code).toBe('unknown-server');
    }
  });
});
