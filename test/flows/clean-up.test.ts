/** What happens to rows that are over. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { ApiKeyId, InstallationId } from '../../src/domain/ids.ts';
import { keepAuditMonths } from '../../src/services/keep-audit-months.ts';
import { revokeApiKey } from '../../src/services/manage-api-keys.ts';
import { beginSweep, keptInstallationSeconds, readSweepLagSeconds, sweepExpired } from '../../src/services/sweep-expired.ts';
import { listAuditEvents, recordAuditEvent } from '../../src/store/audit.ts';
import { transact } from '../../src/store/client.ts';
import { batchRows, takeCleanUpTurn } from '../../src/store/expired-rows.ts';
import { applyMigrations } from '../../src/store/migrate/apply-migrations.ts';
import { assignIndex, listInvalidIndices, statusListLength } from '../../src/store/status.ts';
import { query } from '../support/database-holder.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { askToken, makeApiKey } from '../support/machine.ts';
import { moveTime } from '../support/moved-time.ts';
import { connect, refresh, registerTestClient, type Tokens } from '../support/oauth-client.ts';

let issuer: TestIssuer;
const runSql = (sql: string) => query(issuer.database.ownerUrl, sql);
const count = async (from: string) => Number((await runSql(`SELECT count(*) AS n FROM ${from}`))[0]?.['n']);
const sweepAll = async () => {
  while ((await sweepExpired(issuer.runtime)) > 0);
};

beforeAll(async () => {
  // Shorter than what a person allows, so that it is the token that ends.
  issuer = await startIssuer({ lifetimes: { refreshTokenIdleSeconds: 10 * 86_400, refreshTokenSeconds: 20 * 86_400 } });
});
afterAll(() => issuer.stop());

describe('expired rows', () => {
  const addArtifacts = (model: string, rows: number, expires: string) =>
    runSql(
      `INSERT INTO artifacts (tenant_id, model, digest, payload, consumed_at, expires_at, created_at)
       SELECT '${issuer.tenant.id}', '${model}', md5('${model}' || n), '{}', now(), ${expires}, now() FROM generate_series(1, ${rows}) AS n`,
    );

  it('leave in batches, the oldest first; what is consumed and has not expired stays, because its reuse must be noticed (ENG-5)', async () => {
    await addArtifacts('Over', batchRows + 10, `now() - make_interval(hours => n)`);
    await addArtifacts('Spent', 3, `now() + interval '1 day'`);
    await addArtifacts('JustNow', 3, `now() - interval '1 minute'`);
    await addArtifacts('Endless', 3, 'NULL');
    expect(await readSweepLagSeconds(issuer.runtime)).toBeGreaterThan(batchRows * 3_600);
    const progress = beginSweep();
    expect(await sweepExpired(issuer.runtime, progress)).toBe(batchRows);
    expect(await count(`artifacts WHERE model = 'Over' AND expires_at < now() - interval '11 hours'`)).toBe(0);
    expect(await count(`artifacts WHERE model = 'Over'`)).toBe(10);
    while ((await sweepExpired(issuer.runtime, progress)) > 0);
    expect(progress).toMatchObject({ removed: { artifacts: batchRows + 10 }, skipped: 0, from: {} });
    expect(await count(`artifacts WHERE model = 'Over'`)).toBe(0);
    expect(await count(`artifacts WHERE model IN ('Spent', 'JustNow', 'Endless')`)).toBe(9);
    expect(await readSweepLagSeconds(issuer.runtime)).toBe(0);
  });

  it('wait for nobody who holds one, and go with a later sweep', async () => {
    await addArtifacts('Held', 3, `now() - interval '1 hour'`);
    const holder = new Client({ connectionString: issuer.database.runtimeUrl });
    await holder.connect();
    try {
      await holder.query('BEGIN');
      await holder.query(`SELECT 1 FROM artifacts WHERE model = 'Held' AND digest = md5('Held1') FOR UPDATE`);
      const progress = beginSweep();
      expect(await sweepExpired(issuer.runtime, progress)).toBe(2);
      expect(await sweepExpired(issuer.runtime, progress)).toBe(0);
      // Whoever held it may have given it a longer life.
      await holder.query(`UPDATE artifacts SET expires_at = now() + interval '1 day' WHERE model = 'Held'`);
      await holder.query('COMMIT');
      await sweepAll();
      expect(await count(`artifacts WHERE model = 'Held'`)).toBe(1);
      await holder.query(`UPDATE artifacts SET expires_at = now() - interval '1 day' WHERE model = 'Held'`);
      expect(await sweepExpired(issuer.runtime, progress)).toBe(1);
    } finally {
      await holder.end();
    }
  });

  it('are removed by one process at a time', async () => {
    await addArtifacts('Twice', 1, `now() - interval '1 hour'`);
    const progress = beginSweep();
    await transact(issuer.runtime.store, async (db) => {
      expect(await takeCleanUpTurn(db)).toBe(true);
      expect(await sweepExpired(issuer.runtime, progress)).toBe(0);
    });
    expect(progress).toMatchObject({ skipped: 1, removed: { artifacts: 0 } });
    expect(await sweepExpired(issuer.runtime, progress)).toBe(1);
  });

  it('a refresh token that is used at its very end is answered or refused, however clean-up runs beside it', async () => {
    const client = await registerTestClient(issuer);
    const person = await issuer.addPerson();
    const server = await issuer.addServer();
    const time = moveTime();
    try {
      for (const offset of [-60, 1, 1_300]) {
        const tokens = await connect(issuer, { client, person, server });
        time.forward(issuer.runtime.lifetimes.refreshTokenIdleSeconds + offset);
        const [answer] = await Promise.all([refresh(issuer, client, tokens.refresh_token), sweepAll(), sweepAll()]);
        if (offset < 0) expect(answer.status).toBe(200);
        else
          expect({ status: answer.status, error: answer.json<{ error: string }>().error }).toEqual({ status: 400, error: 'invalid_grant' });
      }
    } finally {
      time.restore();
    }
  });
});

describe('installations and their status indices', () => {
  it('an installation that nothing is left of lapses, gives its index back after all tokens and lists are gone, and is removed later', async () => {
    const client = await registerTestClient(issuer);
    const [person, server] = [await issuer.addPerson(), await issuer.addServer()];
    await connect(issuer, { client, person, server });
    const living = (await connect(issuer, { client, person: await issuer.addPerson(), server })).refresh_token;
    const [row] = await runSql(
      `SELECT i.id FROM installations i JOIN consents c ON c.id = i.consent_id WHERE c.user_id = '${person.userId}'`,
    );
    const standing = async () => (await runSql(`SELECT end_reason, status_index FROM installations WHERE id = '${row?.['id']}'`))[0];
    const indices = () => count(`status_entries WHERE installation_id = '${row?.['id']}'`);
    const { refreshTokenIdleSeconds, refreshTokenSeconds } = issuer.runtime.lifetimes;
    const time = moveTime();
    try {
      time.forward(refreshTokenIdleSeconds - 86_400);
      const kept = (await refresh(issuer, client, living)).json<Tokens>();
      await sweepAll();
      expect((await standing())?.['end_reason']).toBeNull();
      time.forward(2 * 86_400);
      expect((await refresh(issuer, client, kept.refresh_token)).status).toBe(200);
      time.forward(refreshTokenSeconds - refreshTokenIdleSeconds);
      await sweepAll();
      expect(await standing()).toEqual({ end_reason: 'lapsed', status_index: null });
      expect(await indices()).toBe(1);
      time.forward(4_400);
      await sweepAll();
      expect(await indices()).toBe(1);
      time.forward(200);
      await sweepAll();
      expect(await indices()).toBe(0);
      time.forward(keptInstallationSeconds);
      await sweepAll();
      expect(await standing()).toBeUndefined();
    } finally {
      time.restore();
    }
  });

  it('API keys go thirty days after their end; what they were exchanged for ends with them, and their index is given back', async () => {
    const server = await issuer.addServer();
    const make = (days: number) => makeApiKey(issuer, { server, tools: ['list_issues'], lifetimeSeconds: days * 86_400 });
    const [short, revoked, long] = [await make(1), await make(300), await make(300)];
    for (const key of [short, revoked, long]) await askToken(issuer, { clientId: key.id, secret: key.secret });
    await revokeApiKey(issuer.runtime, issuer.tenant, {
      id: revoked.id as ApiKeyId,
      reason: 'revoked-by-admin',
      origin: { actorType: 'operator' },
    });
    const ids = async () => (await runSql(`SELECT id FROM api_keys WHERE server_id = '${server.serverId}'`)).map(({ id }) => id);
    const indexOf = ({ id }: { id: string }) => count(`status_entries WHERE installation_id = '${id}'`);
    const time = moveTime();
    try {
      time.forward(29 * 86_400);
      await sweepAll();
      expect((await ids()).toSorted()).toEqual([short.id, revoked.id, long.id].toSorted());
      expect([await indexOf(short), await indexOf(revoked), await indexOf(long)]).toEqual([1, 0, 1]);
      time.forward(2 * 86_400);
      await sweepAll();
      expect(await ids()).toEqual([long.id]);
      time.forward(86_400);
      await sweepAll();
      expect([await indexOf(short), await indexOf(revoked), await indexOf(long)]).toEqual([0, 0, 1]);
    } finally {
      time.restore();
    }
  });

  it('a list that is full is followed by one that was freed, and by a new one only when none was', async () => {
    const { store } = issuer.runtime;
    const { id } = issuer.tenant;
    const other = `other-${Date.now()}`;
    await runSql(`INSERT INTO tenants (id, slug, issuer, name) VALUES ('${other}', '${other}', 'https://${other}.example', 'Other')`);
    const fill = (list: number, indices: number) =>
      runSql(`INSERT INTO status_entries (tenant_id, list, index, installation_id, assigned_at)
        SELECT '${other}', ${list}, n, 'ins_filler', now() FROM generate_series(0, ${indices - 1}) AS n`);
    const draw = () => assignIndex(store, other as typeof id, 'ins_new' as InstallationId, new Date());
    await fill(0, statusListLength);
    expect((await draw()).list).toBe(1);
    await runSql(`DELETE FROM status_entries WHERE tenant_id = '${other}' AND list = 0 AND index < ${0.6 * statusListLength}`);
    expect((await draw()).list).toBe(1);
    await runSql(`DELETE FROM status_entries WHERE tenant_id = '${other}' AND list = 1`);
    await fill(1, statusListLength);
    const again = await draw();
    expect(again.list).toBe(0);
    expect(again.index).toBeLessThan(0.6 * statusListLength);
    expect(await listInvalidIndices(store, other as typeof id, 2)).toBeUndefined();
    await runSql(`DELETE FROM status_entries WHERE tenant_id = '${other}'`);
  });
});

describe('the audit trail', () => {
  const event = { type: 'user.created', actorType: 'operator', outcome: 'success' } as const;
  const record = (at: Date) => recordAuditEvent(issuer.runtime.store, issuer.tenant.id, { ...event, at });
  const partitions = async () =>
    (await runSql(`SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_events'::regclass ORDER BY 1`)).map(
      ({ name }) => String(name),
    );
  const nameOf = (at: Date) => `audit_events_${at.toISOString().slice(0, 7).replace('-', '_')}`;

  it('has the months to come; an event of a month without a partition is kept, and moves when there is one', async () => {
    const now = new Date();
    const coming = [0, 1, 2, 3].map((months) => nameOf(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 15))));
    expect(await partitions()).toEqual(expect.arrayContaining([...coming, 'audit_events_default']));
    await runSql(`DROP TABLE ${nameOf(now)}`);
    await record(now);
    expect(await count(`audit_events_default WHERE at = '${now.toISOString()}'`)).toBe(1);
    expect(await keepAuditMonths(issuer.runtime)).toBe(0);
    expect(await partitions()).toContain(nameOf(now));
    expect(await count(`audit_events_default WHERE at = '${now.toISOString()}'`)).toBe(0);
    const events = await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 1_000);
    expect(events.filter(({ at }) => at.getTime() === now.getTime())).toHaveLength(1);
  });

  it('ABUSE-75: loses months past the retention, and only those; the runtime role can shorten nothing', async () => {
    const old = new Date(Date.now() - 400 * 86_400_000);
    await runSql(`SELECT make_audit_partition('${old.toISOString()}')`);
    await record(old);
    await keepAuditMonths(issuer.runtime);
    expect(await partitions()).toContain(nameOf(old));
    const attacker = new Client({ connectionString: issuer.database.runtimeUrl });
    await attacker.connect();
    try {
      for (const attempt of [
        `CREATE OR REPLACE FUNCTION audit_retention() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '1 second' $$`,
        `SELECT make_audit_partition(now())`,
        `DROP TABLE ${nameOf(old)}`,
        `DELETE FROM ${nameOf(old)}`,
        `UPDATE audit_events_default SET at = now()`,
        `ALTER TABLE audit_events DETACH PARTITION ${nameOf(old)}`,
        `INSERT INTO audit_retentions VALUES ('${issuer.tenant.id}', 1)`,
      ]) {
        await expect(attacker.query(attempt)).rejects.toMatchObject({ code: '42501' });
      }
      // A table of the caller's under the same name is not the one that the owner's function works on.
      await attacker.query('CREATE TEMP TABLE audit_events (at timestamptz) PARTITION BY RANGE (at)');
      await attacker.query('SELECT keep_audit_partitions(), drop_audit_months(1000000)');
      expect(await partitions()).toContain(nameOf(old));
    } finally {
      await attacker.end();
    }
    await applyMigrations({ ownerUrl: issuer.database.ownerUrl, auditRetentionSeconds: 300 * 86_400 });
    expect(await keepAuditMonths(issuer.runtime)).toBe(1);
    expect(await keepAuditMonths(issuer.runtime)).toBe(0);
    expect(await partitions()).not.toContain(nameOf(old));
    expect(await partitions()).toContain(nameOf(new Date()));
    const told = await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 1_000);
    expect(told.filter(({ type }) => type === 'audit.month-dropped').map(({ detail }) => detail)).toEqual([
      { month: old.toISOString().slice(0, 7), keptSeconds: 300 * 86_400 },
    ]);
  });
});
