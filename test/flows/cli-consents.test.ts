/** What people allowed, as an administrator finds it and ends it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerId } from '../../src/domain/ids.ts';
import { pauseConsent, resumeConsent } from '../../src/services/pause-consent.ts';
import { createServer } from '../../src/store/servers.ts';
import { keepTools } from '../../src/store/tools.ts';
import { jsonOf, problemOf, runCommand, type Settings, settingsFor } from '../support/command.ts';
import { type ConsentScene, setConsentScene, toolNamed } from '../support/consent-scene.ts';
import { query } from '../support/database-holder.ts';
import { giveConsent } from '../support/given-consent.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let test: TestRuntime;
let scene: ConsentScene;
let env: Settings;

beforeAll(async () => {
  test = await createTestRuntime();
  env = settingsFor(test.database);
  scene = await setConsentScene(test, [toolNamed('list_issues'), toolNamed('delete_issue', 'destructive')]);
});
afterAll(() => test?.end());

const run = (...args: string[]) => runCommand(args, { env });

describe('consent list, end', () => {
  it('list what stands, by person, client and server, and end it', async () => {
    const { consentId } = await giveConsent(test, scene);
    const [user] = await query(test.database.ownerUrl, `SELECT email FROM users WHERE id = '${scene.userId}'`);
    const email = String(user?.['email']);
    for (const filter of [
      [],
      ['--email', email],
      ['--user', email, '--tool', 'list_issues'],
      ['--client', scene.clientId],
      ['--server', scene.resource],
      ['--server', scene.serverId],
    ]) {
      const list = jsonOf<{ id: string }[]>(await run('consent', 'list', ...filter, '--json'));
      expect(list).toMatchObject([{ id: consentId, person: { email }, tools: ['list_issues'], server: { resource: scene.resource } }]);
    }
    expect((await run('consent', 'list')).out).toContain(consentId);
    expect((await run('consent', 'list', '--email', email, '--tool', 'List_issues')).out).toBe(
      `No consent in force fits --email ${email}, --tool List_issues.\n`,
    );
    expect(await run('consent', 'end', consentId)).toMatchObject({ code: 0, out: expect.stringContaining('has ended') });
    expect((await run('consent', 'list')).out).toBe('No consent is in force.\n');
    const [event] = await query(test.database.ownerUrl, `SELECT * FROM audit_events WHERE type = 'consent.ended'`);
    expect(event).toMatchObject({ actor_type: 'operator', consent_id: consentId, detail: { reason: 'ended-by-admin' } });
  });

  it('marks what its person has paused, with what would go on', async () => {
    const { consentId } = await giveConsent(test, scene);
    const request = { userId: scene.userId, consentId, origin: { actorType: 'user' as const } };
    await pauseConsent(test.runtime, test.tenant, request);
    expect((await run('consent', 'list', '--tool', 'list_issues')).out).toMatch(new RegExp(`${consentId} .* 1 \\(paused\\) `));
    expect(jsonOf(await run('consent', 'list', '--json'))).toMatchObject([
      { id: consentId, paused: true, tools: [], allowed: [{ name: 'list_issues', expiresAt: null }] },
    ]);
    await resumeConsent(test.runtime, test.tenant, request);
    expect(jsonOf(await run('consent', 'list', '--json'))).toMatchObject([{ id: consentId, paused: false, tools: ['list_issues'] }]);
    await run('consent', 'end', consentId);
  });

  it('finds the one of forty servers that is looked for, and ends that alone', async () => {
    const given: { resource: string; consentId: string }[] = [];
    for (let index = 0; index < 40; index += 1) {
      const key = `https://forty.example/${index}`;
      const serverId = await createServer(test.runtime.store, test.tenant.id, {
        uri: { resource: key, key },
        name: `Server ${index}`,
        credentialDigest: key,
        createdAt: new Date(),
      });
      await keepTools(test.runtime.store, test.tenant.id, serverId as ServerId, [toolNamed('look'), toolNamed(`tool_${index}`)]);
      const request = { ...scene.request(), resource: key };
      const one = await giveConsent(test, { ...scene, resource: key, request: () => request }, `tool_${index}`);
      given.push({ resource: key, ...one });
    }
    const [user] = await query(test.database.ownerUrl, `SELECT email FROM users WHERE id = '${scene.userId}'`);
    const whose = ['--email', String(user?.['email'])];
    const idsOf = async (...filter: string[]) =>
      jsonOf<{ id: string }[]>(await run('consent', 'list', ...filter, '--json')).map(({ id }) => id);
    expect(await idsOf(...whose)).toHaveLength(40);
    const wanted = given[27];
    for (const filter of [
      ['--server', String(wanted?.resource)],
      ['--tool', 'tool_27'],
    ])
      expect(await idsOf(...whose, ...filter)).toEqual([wanted?.consentId]);
    await run('consent', 'end', String(wanted?.consentId));
    expect((await idsOf(...whose)).sort()).toEqual(
      given
        .filter((one) => one !== wanted)
        .map(({ consentId }) => consentId)
        .sort(),
    );
  });

  it('know no consent, person, client or server that is not there', async () => {
    expect(problemOf(await run('consent', 'list', '--client', 'cli_none', '--json')).code).toBe('unknown-client');
    expect(problemOf(await run('consent', 'end', 'cns_none', '--json')).code).toBe('unknown-consent');
    expect(problemOf(await run('consent', 'list', '--email', 'nobody@example.com', '--json')).code).toBe('unknown-user');
    expect(problemOf(await run('consent', 'list', '--server', 'srv_none', '--json')).code).toBe('unknown-server');
  });
});
