import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isApiKey } from '../../src/domain/api-key.ts';
import { jsonOf, problemOf, runCommand, type Settings, settingsFor } from '../support/command.ts';
import { type ConsentScene, setConsentScene, toolNamed } from '../support/consent-scene.ts';
import { query } from '../support/database-holder.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let test: TestRuntime;
let scene: ConsentScene;
let env: Settings;

beforeAll(async () => {
  test = await createTestRuntime();
  env = settingsFor(test.database);
  scene = await setConsentScene(test, [
    toolNamed('list_issues'),
    toolNamed('create_issue', 'write'),
    toolNamed('delete_issue', 'destructive'),
  ]);
});
afterAll(() => test?.end());

const run = (...args: string[]) => runCommand(args, { env });
const on = () => ['--server', scene.resource];

interface Client {
  client_id: string;
  client_secret: string;
  service_account: string;
}

interface Key {
  id: string;
  key: string;
  owner: string;
}

describe('client create --grant client_credentials', () => {
  it('MCP-41, ABUSE-62: makes a machine with a service account of its own, which may use the named tools and nothing else', async () => {
    const made = await run('client', 'create', '--name', 'Nightly', '--grant', 'client_credentials', ...on(), '--tool', 'list_issues');
    expect(made).toMatchObject({ code: 0, err: '' });
    const [, id = '', account = ''] = /^Client id: {6}(cli_\S+)[\s\S]*^Acts as: {8}(svc_\S+)$/m.exec(made.out) ?? [];
    expect(made.out).toMatch(/^On Tracker: list_issues$/m);
    const shown = jsonOf<Client>(await run('client', 'show', id, '--json'));
    expect(shown).toMatchObject({ service_account: account, grant_types: ['client_credentials'], redirect_uris: [] });
    expect((await run('client', 'show', id)).out).toContain(`toolgrant client tool ${id}`);
  });

  it('ABUSE-62: may do nothing until it is said what', async () => {
    const made = jsonOf<Client>(await run('client', 'create', '--name', 'Bare', '--grant', 'client_credentials', '--json'));
    const tool = (...options: string[]) => run('client', 'tool', made.client_id, ...options);
    expect((await tool()).out).toContain('Bare may do nothing.');
    expect(jsonOf(await tool('--json'))).toMatchObject({ client_id: made.client_id, allowed: [] });
    const assigned = await tool(...on(), '--tool', 'create_issue', '--tool', 'list_issues', '--prompts');
    expect(assigned.out).toContain('Bare on Tracker: create_issue, list_issues, (prompts).');
    expect((await tool()).out).toMatch(/Tracker {2}create_issue, list_issues, \(prompts\)/);
    expect(jsonOf(await tool(...on(), '--tool', 'list_issues', '--json'))).toMatchObject({ tools: ['list_issues'], prompts: false });
    expect((await tool(...on(), '--none')).out).toContain('nothing');
    expect((await tool(...on())).out).toContain('may do nothing there');
  });

  it.each([
    [1, 'unknown-tool', ['--server', '{server}', '--tool', 'erase_all']],
    [1, 'unknown-server', ['--server', 'https://nobody.example/mcp', '--tool', 'list_issues']],
    [2, 'usage', ['--tool', 'list_issues']],
    [1, 'metadata', ['--auth', 'none']],
    [1, 'metadata', ['--grant', 'refresh_token']],
  ])('exit code %s (%s) %j, and makes nothing', async (exit, code, options) => {
    const count = async () => (await query(test.database.ownerUrl, 'SELECT id FROM clients')).length;
    const before = await count();
    const filled = options.map((option) => option.replace('{server}', scene.serverId));
    const result = await run('client', 'create', '--name', 'Bad', '--grant', 'client_credentials', ...filled, '--json');
    expect([result.code, problemOf(result).code]).toEqual([exit, code]);
    expect(await count()).toBe(before);
  });

  it('tools are assigned to machines alone', async () => {
    const call = ['client', 'create', '--name', 'App', '--redirect-uri', 'https://a.example/cb'];
    expect((await run(...call, ...on(), '--tool', 'list_issues')).code).toBe(1);
    const app = jsonOf<Client>(await run(...call, '--json'));
    const refused = await run('client', 'tool', app.client_id, '--json');
    expect(problemOf(refused)).toMatchObject({ code: 'not-a-machine', message: expect.stringContaining('--grant client_credentials') });
  });
});

describe('service-account', () => {
  it('create, tool, list, disable, enable, remove', async () => {
    const made = jsonOf<{ id: string }>(await run('service-account', 'create', '--name', 'Backups', '--json'));
    expect(made.id).toMatch(/^svc_[\w-]{20}$/);
    await run('service-account', 'tool', made.id, ...on(), '--tool', 'list_issues', '--resources');
    const find = async () => jsonOf<{ id: string }[]>(await run('service-account', 'list', '--json')).find(({ id }) => id === made.id);
    const allowed = [{ server: scene.serverId, tools: ['list_issues'], resources: true, prompts: false }];
    expect(await find()).toMatchObject({ name: 'Backups', client_id: null, disabled: false, allowed });
    expect((await run('service-account', 'list')).out).toMatch(/Backups\s+Tracker: 1/);
    expect((await run('service-account', 'disable', made.id)).out).toContain('toolgrant service-account enable');
    expect(await find()).toMatchObject({ disabled: true });
    await run('service-account', 'enable', made.id);
    expect(await find()).toMatchObject({ disabled: false });
    expect((await run('service-account', 'remove', made.id)).code).toBe(0);
    expect(await find()).toBeUndefined();
    for (const command of ['tool', 'disable', 'enable', 'remove']) {
      expect(problemOf(await run('service-account', command, made.id, '--json')).code).toBe('unknown-service-account');
    }
  });

  it('one that a client acts as goes with the client', async () => {
    const made = jsonOf<Client>(await run('client', 'create', '--name', 'M', '--grant', 'client_credentials', '--json'));
    expect(problemOf(await run('service-account', 'remove', made.service_account, '--json')).code).toBe('has-client');
    await run('client', 'remove', made.client_id);
    expect((await run('service-account', 'list')).out).not.toContain(made.service_account);
  });

  it('one that a good API key acts as, too, stays when its client goes; a revoked key keeps nothing', async () => {
    const one = async () => {
      const options = ['--grant', 'client_credentials', ...on(), '--tool', 'list_issues'];
      const client = jsonOf<Client>(await run('client', 'create', '--name', 'M', ...options, '--json'));
      const about = ['--service-account', client.service_account, ...on(), '--tool', 'list_issues'];
      return { client, key: jsonOf<Key>(await run('apikey', 'create', ...about, '--json')) };
    };
    const [kept, over] = [await one(), await one()];
    await run('apikey', 'revoke', over.key.id);
    for (const { client } of [kept, over]) await run('client', 'remove', client.client_id);
    const list = (await run('service-account', 'list')).out;
    expect([list.includes(kept.client.service_account), list.includes(over.client.service_account)]).toEqual([true, false]);
  });
});

describe('apikey', () => {
  const create = async (...options: string[]) =>
    jsonOf<Key>(await run('apikey', 'create', ...on(), '--tool', 'list_issues', ...options, '--json'));
  const listed = async (id: string) => jsonOf<Key[]>(await run('apikey', 'list', '--json')).find((key) => key.id === id);

  it('ABUSE-63: create shows the key once, and it stands nowhere else', async () => {
    const made = await run('apikey', 'create', ...on(), '--tool', 'list_issues', '--expires', '12h', '--name', 'CI');
    const [, secret = ''] = /^API key: {2}(tgk_\w{44})$/m.exec(made.out) ?? [];
    const [, id = ''] = /^Key id: {3}(key_\S+)$/m.exec(made.out) ?? [];
    expect([isApiKey(secret), made.err]).toEqual([true, '']);
    for (const again of [await run('apikey', 'list'), await run('apikey', 'list', '--json')]) {
      expect(again.out).toContain(id);
      expect(again.out).not.toContain(secret.slice(4, -6));
    }
    for (const table of ['api_keys', 'audit_events', 'service_accounts']) {
      expect(JSON.stringify(await query(test.database.ownerUrl, `SELECT * FROM ${table}`))).not.toContain(secret.slice(4, -6));
    }
  });

  it('acts as a service account of its own, or within the tools of one that is there', async () => {
    const own = await create();
    expect(own.owner).toMatch(/^svc_/);
    const account = jsonOf<{ id: string }>(await run('service-account', 'create', '--name', 'Shared', '--json')).id;
    const call = ['apikey', 'create', ...on(), '--service-account', account, '--json'];
    expect(problemOf(await run(...call, '--tool', 'list_issues')).code).toBe('not-assigned');
    await run('service-account', 'tool', account, ...on(), '--tool', 'list_issues');
    expect(jsonOf<Key>(await run(...call, '--tool', 'list_issues')).owner).toBe(account);
    expect(problemOf(await run(...call, '--tool', 'list_issues', '--prompts')).code).toBe('not-assigned');
    await run('service-account', 'disable', account);
    expect(problemOf(await run(...call, '--tool', 'list_issues')).code).toBe('account-disabled');
  });

  it('list says what ends soon, what was rotated, and what cannot be used now', async () => {
    const soon = await create('--expires', '3d');
    const late = await create('--expires', '300d');
    expect([await listed(soon.id), await listed(late.id)]).toMatchObject([{ standing: 'expiring' }, { standing: 'good' }]);
    expect((await run('apikey', 'list')).out).toMatch(new RegExp(`${soon.id}.*expires soon: rotate it`));
    expect((await run('apikey', 'list', '--server', scene.resource)).out).toContain(soon.id);
    await run('service-account', 'disable', late.owner);
    expect((await run('apikey', 'list')).out).toMatch(new RegExp(`${late.id}.*its owner is disabled`));
    const usable = { tools: ['list_issues'], usable: ['list_issues'] };
    expect([await listed(soon.id), await listed(late.id)]).toMatchObject([usable, { ...usable, usable: [] }]);
  });

  it('rotate gives another key, and says until when the old one works', async () => {
    const before = await create();
    const rotated = jsonOf<Key & { previousUntil: string }>(await run('apikey', 'rotate', before.id, '--overlap', '1h', '--json'));
    expect([isApiKey(rotated.key), rotated.key === before.key]).toEqual([true, false]);
    const overlapMs = new Date(rotated.previousUntil).getTime() - Date.now();
    expect([overlapMs > 3_500_000, overlapMs <= 3_600_000]).toEqual([true, true]);
    expect((await run('apikey', 'rotate', before.id, '--now')).out).toContain('The old one is refused from now on.');
    expect(await listed(before.id)).toMatchObject({ previousUntil: null });
  });

  it('revoke ends it, and twice is a success; a key in place of its id is not shown again', async () => {
    const made = await create();
    expect((await run('apikey', 'revoke', made.id)).out).toContain('refused from now on');
    expect((await run('apikey', 'revoke', made.id)).code).toBe(0);
    expect(await listed(made.id)).toMatchObject({ standing: 'revoked', revokedAt: expect.any(String), usable: [] });
    expect(problemOf(await run('apikey', 'rotate', made.id, '--json')).code).toBe('revoked');
    const mistaken = await run('apikey', 'revoke', made.key, '--json');
    expect([problemOf(mistaken).code, mistaken.err.includes(made.key)]).toEqual(['unknown-key', false]);
  });

  it.each([
    [2, 'usage', ['--tool', 'list_issues']],
    [2, 'usage', ['--server', '{server}', '--tool', 'list_issues', '--expires', '3y']],
    [1, 'nothing-chosen', ['--server', '{server}']],
    [1, 'unknown-tool', ['--server', '{server}', '--tool', 'erase_all']],
    [1, 'unknown-server', ['--server', 'srv_nobody', '--tool', 'list_issues']],
    [1, 'unknown-account', ['--server', '{server}', '--tool', 'list_issues', '--service-account', 'svc_nobody']],
    [1, 'name', ['--server', '{server}', '--tool', 'list_issues', '--name', ' ']],
  ])('create: exit code %s (%s) %j', async (exit, code, options) => {
    const result = await run('apikey', 'create', ...options.map((option) => option.replace('{server}', scene.serverId)), '--json');
    expect([result.code, problemOf(result).code]).toEqual([exit, code]);
  });
});
