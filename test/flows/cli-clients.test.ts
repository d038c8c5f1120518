import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeClientKey } from '../support/client-assertion.ts';
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

afterAll(async () => {
  await test?.end();
});

const run = (...args: string[]) => runCommand(args, { env });

interface Client {
  client_id: string;
  client_secret: string | null;
}

describe('client create', () => {
  it('makes a public client for the conformance suite', async () => {
    const made = jsonOf<Client>(
      await run('client', 'create', '--name', 'Suite', '--auth', 'none', '--redirect-uri', 'http://127.0.0.1:3000/callback', '--json'),
    );
    expect(made).toMatchObject({
      client_id: expect.stringMatching(/^cli_[\w-]{20}$/),
      client_name: 'Suite',
      client_secret: null,
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1:3000/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
    });
  });

  it('shows a secret once, and keeps its digest alone', async () => {
    const call = [
      'client',
      'create',
      '--name',
      'Backend',
      '--redirect-uri',
      'https://a.example/cb',
      '--redirect-uri',
      'https://b.example/cb',
    ];
    const text = await run(...call, '--grant', 'authorization_code');
    expect(text.code).toBe(0);
    const secret = /^Client secret: {2}([\w-]{43})$/m.exec(text.out)?.[1] ?? '';
    const id = /^Client id: {6}(cli_\S+)$/m.exec(text.out)?.[1] ?? '';
    expect(secret).not.toBe('');
    expect(JSON.stringify(await query(test.database.ownerUrl, 'SELECT * FROM clients'))).not.toContain(secret);
    const shown = await run('client', 'show', id, '--json');
    expect(jsonOf(shown)).toMatchObject({
      grant_types: ['authorization_code'],
      redirect_uris: ['https://a.example/cb', 'https://b.example/cb'],
    });
    const digests = await query(test.database.ownerUrl, `SELECT secret_digest FROM clients WHERE id = '${id}'`);
    for (const hidden of [secret, String(digests[0]?.['secret_digest'])]) expect(shown.out).not.toContain(hidden);
  });

  it.each([
    ['redirect-uri', ['--redirect-uri', 'javascript:alert(1)']],
    ['redirect-uri', []],
    ['metadata', ['--redirect-uri', 'https://a.example/cb', '--grant', 'password']],
    ['metadata', ['--redirect-uri', 'https://a.example/cb', '--auth', 'private_key_jwt']],
  ])('ABUSE-1, ABUSE-9: refuses (%s) %j', async (code, options) => {
    const result = await run('client', 'create', '--name', 'Bad', ...options, '--json');
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(problemOf(result)).toMatchObject({ code, message: expect.stringContaining('The client cannot be made: ') });
  });
});

describe('client list, show, remove', () => {
  it('show a name that tries to steer the terminal as inert text', async () => {
    await query(
      test.database.ownerUrl,
      `UPDATE clients SET metadata = jsonb_set(metadata, '{name}', '"evil \\u001b[2J\\u202egnp"') WHERE id = '${scene.clientId}'`,
    );
    const results = [await run('client', 'list'), await run('client', 'show', scene.clientId), await run('client', 'list', '--json')];
    for (const { code, out } of results) {
      expect(code).toBe(0);
      for (const steering of ['\u001b', '\u202e']) expect(out).not.toContain(steering);
      expect(out).toContain('evil ');
    }
    expect(jsonOf<{ client_id: string; client_name: string }[]>(results[2] as never)).toContainEqual(
      expect.objectContaining({ client_id: scene.clientId, client_name: 'evil \u001b[2J\u202egnp' }),
    );
  });

  it('know no client that is not there', async () => {
    for (const name of ['show', 'verify', 'unverify', 'quarantine', 'block', 'unblock', 'remove'])
      expect(problemOf(await run('client', name, 'cli_none\u0000', '--json')).code).toBe('unknown-client');
  });

  it('remove a client with its consents', async () => {
    const other = await setConsentScene(test, [toolNamed('list_issues')]);
    await giveConsent(test, other);
    expect((await run('client', 'remove', other.clientId)).out).toContain('is removed');
    expect(problemOf(await run('client', 'show', other.clientId, '--json')).code).toBe('unknown-client');
    expect(problemOf(await run('consent', 'list', '--client', other.clientId, '--json')).code).toBe('unknown-client');
    expect((await run('consent', 'list')).out).not.toContain(other.clientId);
  });
});

describe('client list, page by page', () => {
  const created = (index: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, Math.floor(index / 3)));
  const ids = Array.from({ length: 250 }, (_, index) => `cli_page_${String(index).padStart(3, '0')}`);

  it('shows every client once, newest first, whatever the size of a page; programs get all', async () => {
    const { createClient } = await import('../../src/store/clients.ts');
    const [first] = await query(test.database.ownerUrl, `SELECT metadata FROM clients WHERE id = '${scene.clientId}'`);
    for (const [index, id] of ids.entries()) {
      await createClient(test.runtime.store, test.tenant.id, {
        id: id as never,
        kind: index % 5 === 0 ? 'document' : 'dynamic',
        metadata: first?.['metadata'] as never,
        createdAt: created(index),
      });
    }
    const wanted = [...ids].sort((a, b) => {
      const [one, other] = [created(ids.indexOf(a)).getTime(), created(ids.indexOf(b)).getTime()];
      return other - one || (a < b ? 1 : -1);
    });
    const idsOf = (list: Client[]) => list.map((client) => client.client_id).filter((id) => id.startsWith('cli_page_'));
    expect(idsOf(jsonOf(await run('client', 'list', '--json')))).toEqual(wanted);
    for (const limit of ['7', '100']) {
      const seen: string[] = [];
      for (let after: string[] = []; ; ) {
        const page = jsonOf<Client[]>(await run('client', 'list', '--limit', limit, ...after, '--json'));
        seen.push(...idsOf(page));
        if (page.length < Number(limit)) break;
        after = ['--after', page.at(-1)?.client_id ?? ''];
      }
      expect(seen).toEqual(wanted);
    }
    const text = (await run('client', 'list')).out.trim().split('\n');
    expect(text).toHaveLength(102);
    expect(text.at(-1)).toMatch(/^More: add --after cli_/);
    expect(jsonOf<Client[]>(await run('client', 'list', '--kind', 'document', '--json'))).toHaveLength(50);
    expect((await run('client', 'list', '--kind', 'odd')).code).toBe(2);
    expect((await run('client', 'list', '--limit', '0')).code).toBe(2);
    expect(problemOf(await run('client', 'list', '--after', 'cli_none', '--json')).code).toBe('unknown-client');
  });
});

describe('client verify, quarantine, block', () => {
  const typesOf = async (clientId: string) => {
    const rows = await query(
      test.database.ownerUrl,
      `SELECT type FROM audit_events WHERE client_id = '${clientId}' AND actor_type = 'operator' ORDER BY at`,
    );
    return rows.map((row) => row['type']);
  };

  it('each change stands in list and show, once in the audit trail, and once more changes nothing', async () => {
    const other = await setConsentScene(test, [toolNamed('list_issues')]);
    const { clientId } = other;
    const { consentId } = await giveConsent(test, other);
    const show = async () => jsonOf<Record<string, unknown>>(await run('client', 'show', clientId, '--json'));
    expect(await show()).toMatchObject({
      kind: 'dynamic',
      people: { count: 1, isMore: false },
      consents: 1,
      installations: 1,
      answersGoTo: [{ kind: 'loopback', host: '127.0.0.1' }],
      warnings: [],
      verifiedAt: null,
    });

    for (const _ of [1, 2]) expect((await run('client', 'verify', clientId)).code).toBe(0);
    expect(await show()).toMatchObject({ verifiedAt: expect.any(String), isInQuarantine: false });
    expect((await run('client', 'show', clientId)).out).toMatch(/^Who vouches {7}an administrator verified it on 20/m);
    expect(jsonOf<Client[]>(await run('client', 'list', '--verified', '--json'))).toMatchObject([{ client_id: clientId }]);

    expect((await run('client', 'quarantine', clientId, '--for', '7d')).out).toMatch(/is in quarantine until 20/);
    expect(await show()).toMatchObject({ verifiedAt: null, isInQuarantine: true, quarantineEndsAt: expect.any(String) });
    expect((await run('client', 'list')).out).toMatch(new RegExp(`^${clientId}.*quarantine until 20`, 'm'));
    expect((await run('client', 'quarantine', clientId, '--for', '2 weeks')).code).toBe(2);
    await run('client', 'verify', clientId);
    for (const _ of [1, 2]) await run('client', 'unverify', clientId);
    expect(await show()).toMatchObject({ verifiedAt: null, isInQuarantine: false, quarantinedAt: null });

    expect((await run('client', 'block', clientId)).out).toContain('1 consent has ended');
    expect((await run('client', 'block', clientId)).out).toContain('was blocked already');
    expect(await show()).toMatchObject({ blockedAt: expect.any(String), consents: 0, installations: 0 });
    expect(jsonOf<Client[]>(await run('client', 'list', '--blocked', '--json'))).toMatchObject([{ client_id: clientId }]);
    expect(jsonOf<{ id: string }[]>(await run('consent', 'list', '--json')).map(({ id }) => id)).not.toContain(consentId);
    for (const _ of [1, 2]) expect(jsonOf(await run('client', 'unblock', clientId, '--json'))).toMatchObject({ blocked: false });
    expect(await typesOf(clientId)).toEqual([
      'client.verified',
      'client.quarantined',
      'client.verified',
      'client.unverified',
      'client.blocked',
      'client.unblocked',
    ]);
  });

  it('list and show warn of look-alikes, of a verified client of the tenant as of famous ones', async () => {
    const make = async (name: string, redirectUri: string) => {
      const { clientId } = await setConsentScene(test, [toolNamed('list_issues')]);
      await query(
        test.database.ownerUrl,
        `UPDATE clients SET metadata = metadata || '${JSON.stringify({ name, redirectUris: [redirectUri] })}' WHERE id = '${clientId}'`,
      );
      return clientId;
    };
    const famous = await make('Cl\u0430ude', 'https://claude-ai.example/cb');
    const ours = await make('Acme Portal', 'https://portal.acme.example/cb');
    const theirs = await make('Acme Portal', 'https://evil.example/cb');
    await run('client', 'verify', ours);
    const warningsOf = async (id: string) => jsonOf<{ warnings: string[] }>(await run('client', 'show', id, '--json')).warnings;
    expect(await warningsOf(famous)).toContain('The name looks like "Claude", but is written with other characters.');
    expect(await warningsOf(famous)).toContain('claude-ai.example looks like claude.ai (Claude), but is another host.');
    expect(await warningsOf(ours)).toEqual([]);
    expect(await warningsOf(theirs)).toEqual(['The name is that of Acme Portal (portal.acme.example), but evil.example is another host.']);
    const lines = (await run('client', 'list')).out.split('\n');
    const line = (id: string) => lines.find((one) => one.startsWith(id)) ?? '';
    expect(line(famous)).toContain('LOOKS LIKE ANOTHER');
    expect(line(ours)).not.toContain('LOOKS LIKE ANOTHER');
    await run('client', 'verify', theirs);
    expect(await warningsOf(theirs)).toEqual([]);
  });

  it.each(['off', 'until-verified', '40d'])('--quarantined lists those that are in quarantine, with the setting %s', async (setting) => {
    await run('tenant', 'set', `quarantine=${setting}`);
    const { clientId: verified } = await setConsentScene(test, [toolNamed('list_issues')]);
    await run('client', 'verify', verified);
    const [byHand, isOver] = [
      await setConsentScene(test, [toolNamed('list_issues')]),
      await setConsentScene(test, [toolNamed('list_issues')]),
    ];
    await run('client', 'quarantine', byHand.clientId);
    await run('client', 'quarantine', isOver.clientId, '--for', '1h');
    await query(test.database.ownerUrl, `UPDATE clients SET quarantine_ends_at = now() WHERE id = '${isOver.clientId}'`);
    try {
      const all = jsonOf<(Client & { isInQuarantine: boolean })[]>(await run('client', 'list', '--json'));
      const wanted = all.filter(({ isInQuarantine }) => isInQuarantine).map((client) => client.client_id);
      expect(wanted).toContain(byHand.clientId);
      expect(wanted.includes(isOver.clientId)).toBe(setting !== 'off');
      expect(wanted).not.toContain(verified);
      const seen: string[] = [];
      for (let after: string[] = []; ; ) {
        const page = jsonOf<Client[]>(await run('client', 'list', '--quarantined', '--limit', '60', ...after, '--json'));
        seen.push(...page.map((client) => client.client_id));
        if (page.length < 60) break;
        after = ['--after', page.at(-1)?.client_id ?? ''];
      }
      expect(seen).toEqual(wanted);
    } finally {
      await run('tenant', 'set', 'quarantine=off');
      await run('client', 'verify', byHand.clientId);
    }
  });

  it('--unused lists those that nobody ever allowed anything', async () => {
    const unused = await setConsentScene(test, [toolNamed('list_issues')]);
    const list = jsonOf<(Client & { firstAuthorizedAt: string | null })[]>(await run('client', 'list', '--unused', '--json'));
    expect(list.map((client) => client.client_id)).toContain(unused.clientId);
    expect(list.filter(({ firstAuthorizedAt }) => firstAuthorizedAt !== null)).toEqual([]);
  });
});

describe('keys', () => {
  it('ABUSE-55: shows no private part', async () => {
    expect((await run('keys', 'list')).out).toContain('There is no key yet');
    const { ensureSigningKeys } = await import('../../src/services/signing-keys.ts');
    const { current } = await ensureSigningKeys(test.runtime, test.tenant);
    const results = [await run('keys', 'list'), await run('keys', 'list', '--json')];
    expect(jsonOf(results[1] as never)).toMatchObject([
      { kid: current.kid, algorithm: 'ES256', state: 'current' },
      { algorithm: 'ES256', state: 'next', changesAt: expect.any(String) },
    ]);
    for (const { out } of results) {
      expect(out).toContain(current.kid);
      expect(out).not.toContain(String(current.privateJwk.d));
      expect(out).not.toMatch(/sealed|privateJwk|v1\./);
    }
  });

  it('rotate: says when the next key signs; --leaked: at once, and the present one is gone', async () => {
    const rotated = await run('keys', 'rotate');
    expect(rotated.out).toMatch(/is published already and signs from 20/);
    const [before] = jsonOf<{ kid: string }[]>(await run('keys', 'list', '--json'));
    const withdrawn = await run('keys', 'rotate', '--leaked', '--json');
    expect(jsonOf<{ signs: { kid: string } }>(withdrawn).signs.kid).not.toBe(before?.kid);
    expect((await run('keys', 'list')).out).toMatch(new RegExp(`${before?.kid}.*withdrawn`));
    expect((await run('keys', 'reseal')).out).toMatch(/values? (was|were) encrypted anew/);
    for (const { out } of [rotated, withdrawn]) expect(out).not.toMatch(/sealed|privateJwk|v1\.|"d"/);
  });
});

describe('registration-token', () => {
  it('makes one that is shown once, lists it without itself, and revokes it', async () => {
    const made = await run('registration-token', 'create', '--name', 'CI', '--uses', '3', '--expires', '12h');
    expect({ code: made.code, err: made.err }).toEqual({ code: 0, err: '' });
    const [, token = '', id = ''] = /^Initial access token: +(\S+)\nId: +(iat_\S+)\n/.exec(made.out) ?? [];
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(made.out).toContain('toolgrant tenant set root registration=token');
    const listed = await run('registration-token', 'list');
    expect(listed.out).toMatch(new RegExp(`${id} +CI +0 of 3 `));
    expect(`${listed.out}${(await run('registration-token', 'list', '--json')).out}`).not.toContain(token);
    expect(jsonOf(await run('registration-token', 'revoke', id, '--json'))).toEqual({ id, revoked: true });
    expect((await run('registration-token', 'list')).out).toContain('revoked');
    expect(problemOf(await run('registration-token', 'revoke', id, '--json')).code).toBe('unknown-token');
  });

  it.each([[['--uses', '0']], [['--uses', '1001']], [['--uses', 'x']], [['--expires', '366d']], [['--expires', '5']], [[]]])(
    'takes %j for bad usage',
    async (args) => {
      const name = args.length > 0 ? ['--name', 'X'] : [];
      expect((await run('registration-token', 'create', ...name, ...args)).code).toBe(2);
    },
  );
});

describe('client secret, and clients with keys', () => {
  it('gives a new one that is shown once, and says how long the old one works', async () => {
    const made = jsonOf<Client>(await run('client', 'create', '--name', 'Batch', '--redirect-uri', 'https://batch.example/cb', '--json'));
    const { out } = await run('client', 'secret', made.client_id, '--overlap', '2h');
    expect(out).toMatch(/^Client secret: {2}[\w-]{43}\nIt is shown this once\. The old one works until .* UTC; --now ends it at once\.\n$/);
    const shown = await run('client', 'show', made.client_id);
    expect(shown.out).toContain('Old secret until');
    const now = jsonOf<{ client_secret: string; previousUntil: null }>(await run('client', 'secret', made.client_id, '--now', '--json'));
    expect(now).toEqual({ client_id: made.client_id, client_secret: expect.stringMatching(/^[\w-]{43}$/), previousUntil: null });
    expect((await run('client', 'show', made.client_id)).out).not.toContain('Old secret until');
    expect(now.client_secret).not.toBe(made.client_secret);
    expect((await run('client', 'secret', made.client_id, '--overlap', '91d')).code).toBe(2);
    expect(problemOf(await run('client', 'secret', 'cli_unknown', '--json')).code).toBe('unknown-client');
  });

  it('makes clients that prove themselves by keys of their own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'toolgrant-keys-'));
    try {
      const { publicJwk, privateJwk } = await makeClientKey();
      const [good, bad, none] = ['good.json', 'bad.json', 'none.json'].map((name) => join(folder, name)) as [string, string, string];
      await writeFile(good, JSON.stringify({ keys: [publicJwk] }));
      await writeFile(bad, JSON.stringify({ keys: [privateJwk] }));
      await writeFile(none, 'not JSON');
      const create = (...args: string[]) =>
        run('client', 'create', '--name', 'Keyed', '--redirect-uri', 'https://batch.example/cb', ...args, '--json');
      const made = jsonOf<Client & Record<string, unknown>>(await create('--jwks', good));
      expect(made).toMatchObject({ client_secret: null, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [publicJwk] } });
      expect(jsonOf(await create('--auth', 'private_key_jwt', '--jwks-uri', 'https://batch.example/jwks'))).toMatchObject({
        jwks_uri: 'https://batch.example/jwks',
      });
      expect(problemOf(await run('client', 'secret', made.client_id, '--json')).code).toBe('has-no-secret');
      expect(problemOf(await create('--jwks', bad)).message).toContain('public half');
      expect(problemOf(await create('--jwks', none)).message).toContain('is no JSON');
      expect(problemOf(await create('--jwks', join(folder, 'missing'))).message).toContain('cannot be read (ENOENT)');
      expect(problemOf(await create('--jwks', good, '--jwks-uri', 'https://a.example/jwks')).message).toContain('leave one of them out');
      expect(problemOf(await create('--auth', 'private_key_jwt')).message).toContain('needs public keys');
      expect(problemOf(await create('--jwks-uri', 'http://batch.example/jwks')).message).toContain('https');
      expect((await create('--auth', 'none', '--jwks', good)).code).toBe(2);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
