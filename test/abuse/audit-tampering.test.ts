/** Whatever is done to a sealed trail is found: what an owner of the database does, too. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { readSeal, sealType } from '../../src/domain/audit-seal.ts';
import { idPrefixes } from '../../src/domain/ids.ts';
import { deriveSigningKey } from '../../src/platform/derived-signing-key.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { randomId, randomToken } from '../../src/platform/random.ts';
import { verifyAuditTrail } from '../../src/services/verify-audit-trail.ts';
import { type AuditScene, otherTenant, setAuditScene } from '../support/audit-scene.ts';
import { sealTrail } from '../support/seal-trail.ts';

let scene: AuditScene;
beforeAll(async () => {
  scene = await setAuditScene();
});
afterAll(() => scene.end());
beforeEach(() => scene.clear());

describe('what an owner of the database does to sealed events', () => {
  beforeEach(() => scene.recordSealed(3, 4));

  it.each([
    ['the outcome', `outcome = 'failure'`],
    ['who did it', `actor_id = 'somebody else'`],
    ['a fact', `detail = '{"index": 1, "b": 1, "a": "e"}'`],
    ['when', `at = at + interval '1 millisecond'`],
    ['its tool', `tool = 'delete_issue'`],
    ['how sure it is', `assurance = 'reported'`],
  ])('ABUSE-75: changes %s of an event: it is named', async (_what, change) => {
    const id = await scene.idOf(6);
    await scene.asOwner(`UPDATE audit_events SET ${change} WHERE id = '${id}'`);
    expect(await scene.findings()).toEqual([
      { kind: 'event-changed', seal: 2, number: 6, id, expected: expect.stringMatching(/^[\da-f]{64}$/), found: expect.any(String) },
    ]);
  });

  it('ABUSE-75: drops an event: its place is named', async () => {
    const [before, gone, after] = [await scene.idOf(6), await scene.idOf(7), await scene.idOf(8)];
    await scene.asOwner(`DELETE FROM audit_events WHERE id = '${gone}'`);
    expect(await scene.findings()).toEqual([
      { kind: 'event-missing', seal: 2, number: 7, expected: expect.any(String), after: before, before: after },
    ]);
  });

  it('ABUSE-75: drops all events of a seal', async () => {
    await scene.asOwner(
      `DELETE FROM audit_events WHERE id IN ('${await scene.idOf(5)}', '${await scene.idOf(6)}', '${await scene.idOf(7)}', '${await scene.idOf(8)}')`,
    );
    expect(await scene.findings()).toEqual([{ kind: 'events-gone', month: '2026-11', from: 2, to: 2, events: 4 }]);
  });

  it('ABUSE-75: swaps two events', async () => {
    const [one, two] = [await scene.idOf(6), await scene.idOf(7)];
    await scene.asOwner(`UPDATE audit_events a SET at = b.at, detail = b.detail FROM audit_events b
      WHERE (a.id, b.id) IN (('${one}', '${two}'), ('${two}', '${one}'))`);
    expect(await scene.findings()).toMatchObject([
      { kind: 'event-changed', seal: 2, number: 6, id: one },
      { kind: 'event-changed', seal: 2, number: 7, id: two },
    ]);
  });

  it('ABUSE-75: moves an event to another place', async () => {
    const [id, tx] = [await scene.idOf(2), (await scene.asOwner('SELECT max(tx) AS tx FROM audit_events'))[0]?.['tx']];
    await scene.asOwner(`UPDATE audit_events SET tx = ${tx} WHERE id = '${id}'`);
    expect(await scene.findings()).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'event-inserted', seal: 3, id }),
        expect.objectContaining({ kind: 'event-missing', seal: 1, number: 2 }),
      ]),
    );
  });

  it('ABUSE-75: puts an event among those that are sealed, of a month with seals or without', async () => {
    const tx = (await scene.asOwner('SELECT min(tx) AS tx FROM audit_events'))[0]?.['tx'];
    for (const [id, at] of [
      ['evt_first', '2026-11-20T09:00:00Z'],
      ['evt_second', '2026-08-20T09:00:00Z'],
    ]) {
      await scene.asOwner(`INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, outcome, detail, tx)
        VALUES ('root', '${id}', '${at}', 'user.created', 'enforced', 'operator', 'success', '{}', ${tx})`);
    }
    expect(await scene.findings()).toMatchObject([
      { kind: 'event-inserted', seal: 1, id: 'evt_first' },
      { kind: 'event-inserted', seal: 1, id: 'evt_second' },
    ]);
  });

  it('is found in one trail, and leaves those of others whole', async () => {
    await scene.record(3, { tenantId: otherTenant });
    await sealTrail(scene.runtime, 3);
    await scene.asOwner(`UPDATE audit_events SET outcome = 'denied' WHERE tenant_id = '${otherTenant}'`);
    const reports = await verifyAuditTrail(scene.runtime);
    expect(reports.map(({ tenant, findings: found }) => [tenant, found.length])).toEqual([
      ['root', 0],
      [otherTenant, 3],
    ]);
  });

  it('is listed up to a bound, however much it is', async () => {
    await scene.record(200);
    await sealTrail(scene.runtime, 200);
    await scene.asOwner(`UPDATE audit_events SET outcome = 'denied'`);
    const report = await scene.verify();
    expect([report.findings.length, report.more]).toEqual([100, 112]);
  });
});

describe('what an owner of the database does to seals', () => {
  beforeEach(() => scene.recordSealed(4, 3));

  /** Makes seals that look right, by a key of the attacker's own, over whatever events are there. */
  async function forgeFrom(number: number, { keepsKey = true } = {}): Promise<void> {
    const key = deriveSigningKey(Buffer.from(randomToken(64), 'base64url'));
    const rows = await scene.asOwner(
      `SELECT number, jws, encode(digests, 'hex') AS digests FROM audit_seals WHERE number >= ${number - 1} ORDER BY number`,
    );
    let previous = sha256(String(rows[0]?.['jws']));
    for (const row of rows.slice(1)) {
      const { statement } = readSeal(String(row['jws'])) ?? {};
      const digests = String(row['digests']).replace(/^.{2}/, 'ff');
      const jws = key.signJws({ ...statement, previous, digest: sha256(Buffer.from(digests, 'hex')) }, sealType);
      previous = sha256(jws);
      await scene.asOwner(`UPDATE audit_seals SET jws = '${jws}', digests = decode('${digests}', 'hex') WHERE number = ${row['number']}`);
    }
    if (keepsKey)
      await scene.asOwner(
        `INSERT INTO audit_keys (tenant_id, kid, public_jwk, created_at) VALUES ('root', '${key.kid}', '${JSON.stringify(key.publicJwk)}', now())`,
      );
    else await scene.asOwner(`UPDATE audit_keys SET public_jwk = '${JSON.stringify(key.publicJwk)}'`);
  }

  it('ABUSE-75: removes one', async () => {
    await scene.asOwner('DELETE FROM audit_seals WHERE number = 2');
    const found = await scene.findings();
    expect(found[0]).toEqual({ kind: 'seals-missing', from: 2, to: 2 });
    expect(found.filter(({ kind }) => kind === 'event-inserted')).toHaveLength(3);
  });

  it('ABUSE-75: changes what one says', async () => {
    const [row] = await scene.asOwner('SELECT jws FROM audit_seals WHERE number = 2');
    const [header, payload, signature] = String(row?.['jws']).split('.');
    const said = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString());
    const changed = Buffer.from(JSON.stringify({ ...said, sealedAt: '2026-01-01T00:00:00.000Z' })).toString('base64url');
    await scene.asOwner(`UPDATE audit_seals SET jws = '${[header, changed, signature].join('.')}' WHERE number = 2`);
    expect(await scene.findings()).toEqual([
      { kind: 'seal-changed', seal: 2, problem: 'its signature does not hold' },
      { kind: 'chain-broken', seal: 3, expected: expect.any(String), found: expect.any(String) },
    ]);
  });

  it.each([
    ['the digests beside it', `digests = decode(repeat('00', 96), 'hex')`, /digests kept with it/],
    ['where it ends', `until_tx = until_tx - 1`, /another stretch/],
    ['all of it', `jws = 'nonsense'`, /no seal/],
  ])('ABUSE-75: changes %s', async (_what, change, problem) => {
    await scene.asOwner(`UPDATE audit_seals SET ${change} WHERE number = 2`);
    expect(await scene.findings()).toContainEqual({ kind: 'seal-changed', seal: 2, problem: expect.stringMatching(problem) });
  });

  it('ABUSE-75: swaps two', async () => {
    await scene.asOwner(
      `UPDATE audit_seals a SET jws = b.jws, digests = b.digests FROM audit_seals b WHERE (a.number, b.number) IN ((2, 3), (3, 2))`,
    );
    expect((await scene.findings()).filter(({ kind }) => kind === 'seal-changed')).toEqual(
      expect.arrayContaining([
        { kind: 'seal-changed', seal: 2, problem: 'it is the seal 3' },
        { kind: 'seal-changed', seal: 3, problem: 'it is the seal 2' },
      ]),
    );
  });

  it('ABUSE-75: writes the chain anew with a key of his own, also where it is put below the name of ours', async () => {
    await forgeFrom(2);
    expect(await scene.findings()).toContainEqual({ kind: 'seal-unsigned', seal: 4, kid: expect.any(String) });
  });

  it('ABUSE-75: writes it anew with a key under the name of ours', async () => {
    await forgeFrom(2, { keepsKey: false });
    expect((await scene.findings()).length).toBeGreaterThan(0);
  });

  it('ABUSE-75: what he forged is not vouched for by what is sealed after it', async () => {
    await forgeFrom(2);
    await scene.recordSealed(1, 2);
    expect(await scene.findings()).toEqual(
      expect.arrayContaining([{ kind: 'chain-broken', seal: 5, expected: expect.any(String), found: null }]),
    );
  });

  it('a checkpoint from outside shows that the end was cut off, which nothing inside can', async () => {
    const [row] = await scene.asOwner('SELECT jws FROM audit_seals WHERE number = 4');
    await scene.asOwner(`DELETE FROM audit_events WHERE tx > (SELECT until_tx FROM audit_seals WHERE number = 3)`);
    await scene.asOwner('DELETE FROM audit_seals WHERE number = 4');
    expect(await scene.findings()).toEqual([]);
    const [report] = await verifyAuditTrail(scene.runtime, { tenantId: scene.root, checkpoints: [String(row?.['jws'])] });
    expect(report?.findings).toEqual([{ kind: 'checkpoint-unmet', seal: 4, problem: expect.stringContaining('ends with seal 3') }]);
  });

  it('a checkpoint shows that what it was made of was replaced', async () => {
    const [checkpoint] = await scene.asOwner('SELECT jws FROM audit_seals WHERE number = 3');
    await scene.asOwner(`TRUNCATE audit_seals`);
    await sealTrail(scene.runtime, 12, { atMost: 3 });
    expect(await scene.findings()).toEqual([]);
    const [report] = await verifyAuditTrail(scene.runtime, { tenantId: scene.root, checkpoints: [String(checkpoint?.['jws'])] });
    expect(report?.findings).toEqual([{ kind: 'checkpoint-unmet', seal: 3, problem: expect.stringContaining('another seal') }]);
  });
});

describe('the runtime role', () => {
  it('ABUSE-75: adds seals and keys, and cannot change or remove them', async () => {
    await scene.recordSealed(1, 2);
    const client = new Client({ connectionString: scene.database.runtimeUrl });
    await client.connect();
    try {
      for (const table of ['audit_events', 'audit_seals', 'audit_keys']) {
        for (const attempt of [`UPDATE ${table} SET tenant_id = 'x'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`, `DROP TABLE ${table}`]) {
          await expect(client.query(attempt)).rejects.toMatchObject({ code: '42501' });
        }
      }
      for (const attempt of [
        `CREATE OR REPLACE FUNCTION audit_position() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'`,
        `CREATE OR REPLACE FUNCTION audit_horizon() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'`,
      ]) {
        await expect(client.query(attempt)).rejects.toMatchObject({ code: '42501' });
      }
      // What it can do, an event in a place that is sealed already, is found.
      await client.query(
        `INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, outcome, detail, tx)
         SELECT 'root', $1, at, type, assurance, actor_type, outcome, detail, tx FROM audit_events LIMIT 1`,
        [randomId(idPrefixes.event)],
      );
    } finally {
      await client.end();
    }
    expect(await scene.findings()).toMatchObject([{ kind: 'event-inserted', seal: 1 }]);
  });
});
