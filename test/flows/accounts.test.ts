import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import { maxPasswordBytes } from '../../src/domain/password-rules.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { createPasswordHasher } from '../../src/platform/passwords.ts';
import { randomToken } from '../../src/platform/random.ts';
import { changePassword } from '../../src/services/change-password.ts';
import { createUser } from '../../src/services/create-user.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { enableUser } from '../../src/services/enable-user.ts';
import { findUserOfEmail, listUsers } from '../../src/services/list-users.ts';
import type { Origin } from '../../src/services/runtime.ts';
import { signIn } from '../../src/services/sign-in.ts';
import { findArtifact, keepArtifact } from '../../src/store/artifacts.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { findPasswordHash } from '../../src/store/users.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

const operator: Origin = { actorType: 'operator' };
const password = 'seven grey geese fly';
const otherPassword = 'staple horse correct lamp';

let t: TestRuntime;
beforeAll(async () => {
  t = await createTestRuntime();
});
afterAll(() => t.end());

let email: string;
let userId: UserId;
beforeEach(async () => {
  email = `${randomToken(8).toLowerCase()}@example.com`;
  const created = await createUser(t.runtime, t.tenant, { email, isAdmin: false, password, origin: operator });
  if (!created.ok) throw new Error(created.problem);
  userId = created.user.id;
});

const tryPassword = (typed: string, as = email) =>
  signIn(t.runtime, t.tenant, { email: as, password: typed, origin: { actorType: 'user', address: '192.0.2.7', requestId: 'r1' } });

async function openSession(uid: string): Promise<() => Promise<boolean>> {
  const key = { model: 'Session', digest: sha256(uid) };
  await keepArtifact(t.runtime.store, t.tenant.id, { ...key, payload: {}, accountId: userId, uid, createdAt: new Date() });
  return async () => (await findArtifact(t.runtime.store, t.tenant.id, key)) !== undefined;
}

async function newestEvents(count: number) {
  return (await listAuditEvents(t.runtime.store, t.tenant.id, count)) as unknown as Record<string, unknown>[];
}

describe('an account', () => {
  it('is found by its address in any spelling, and has it alone', async () => {
    expect(await findUserOfEmail(t.runtime, t.tenant, `  ${email.toUpperCase()}`)).toMatchObject({ id: userId, hasPassword: true });
    expect(await createUser(t.runtime, t.tenant, { email: email.toUpperCase(), isAdmin: false, origin: operator })).toEqual({
      ok: false,
      problem: 'email-taken',
    });
    expect((await listUsers(t.runtime, t.tenant)).filter((user) => user.email === email)).toHaveLength(1);
  });

  it('is made once, however many try at once', async () => {
    const address = `${randomToken(8)}@example.com`;
    const tries = await Promise.all(
      Array.from({ length: 8 }, () => createUser(t.runtime, t.tenant, { email: address, isAdmin: false, origin: operator })),
    );
    expect(tries.filter(({ ok }) => ok)).toHaveLength(1);
    expect(tries.flatMap((one) => (one.ok ? [] : one.problem))).toEqual(Array(7).fill('email-taken'));
  });

  it.each([
    ['not an address', password, 'bad-email'],
    ['new@example.com', 'short', 'too-short'],
    ['new@example.com', 'passwordpassword', 'common'],
    ['new@example.com', 'new@example.com!', 'about-the-account'],
    ['new@example.com', 'x'.repeat(1 << 20), 'too-long'],
  ])('is not made of %j and such a password', async (address, typed, problem) => {
    const tried = await createUser(t.runtime, t.tenant, { email: address, password: typed, isAdmin: false, origin: operator });
    expect(tried).toEqual({ ok: false, problem });
  });

  it('keeps no password, only what argon2id made of it', async () => {
    const stored = await findPasswordHash(t.runtime.store, t.tenant.id, userId);
    expect(stored).toMatch(/^\$argon2id\$/);
  });
});

describe('signing in', () => {
  it('works with the right password, and says so in the audit trail', async () => {
    expect(await tryPassword(password)).toMatchObject({ ok: true, user: { id: userId, email } });
    expect(await tryPassword(password, ` ${email.toUpperCase()} `)).toMatchObject({ ok: true });
    expect((await newestEvents(1))[0]).toMatchObject({
      type: 'user.signed-in',
      outcome: 'success',
      actorType: 'user',
      actorId: userId,
      userId,
      address: '192.0.2.7',
      requestId: 'r1',
    });
  });

  it('ABUSE-27: unknown, wrong, disabled, password-less: one answer and the same work', async () => {
    let checks = 0;
    const { passwords } = t.runtime;
    const runtime = {
      ...t.runtime,
      passwords: {
        ...passwords,
        verify: (typed: string, stored: string | null | undefined) => {
          checks += 1;
          return passwords.verify(typed, stored);
        },
      },
    };
    const invited = await createUser(t.runtime, t.tenant, { email: `x${email}`, isAdmin: false, origin: operator });
    const disabled = await createUser(t.runtime, t.tenant, { email: `y${email}`, password, isAdmin: false, origin: operator });
    if (!invited.ok || !disabled.ok) throw new Error('no accounts to try');
    await disableUser(t.runtime, t.tenant, { userId: disabled.user.id, origin: operator });
    const cases = [
      { email: `nobody-${email}`, password, reason: 'unknown' },
      { email: 'no address at all', password, reason: 'unknown' },
      { email, password: otherPassword, reason: 'wrong-password' },
      { email: `x${email}`, password, reason: 'no-password' },
      { email: `y${email}`, password, reason: 'disabled' },
    ];
    for (const { reason, ...typed } of cases) {
      checks = 0;
      expect(await signIn(runtime, t.tenant, { ...typed, origin: { actorType: 'user' } })).toEqual({ ok: false, problem: 'no-match' });
      expect(checks).toBe(1);
      const [event] = await newestEvents(1);
      expect(event).toMatchObject({ type: 'user.sign-in-failed', outcome: 'failure', detail: { reason } });
      expect(JSON.stringify(event)).not.toContain(typed.password);
    }
  });

  it('ABUSE-30: refuses a megabyte unread', async () => {
    let checks = 0;
    const verify = async () => {
      checks += 1;
      return { matches: false, needsRehash: false };
    };
    const runtime = { ...t.runtime, passwords: { ...t.runtime.passwords, verify } };
    const attempt = { email, password: 'x'.repeat(maxPasswordBytes + 1), origin: operator };
    expect(await signIn(runtime, t.tenant, attempt)).toEqual({ ok: false, problem: 'too-long' });
    expect(checks).toBe(0);
  });

  it('hashes anew when the cost was raised, without losing a change made meanwhile', async () => {
    const before = await findPasswordHash(t.runtime.store, t.tenant.id, userId);
    const runtime = { ...t.runtime, passwords: createPasswordHasher({ memoryKib: 2_048, passes: 2 }) };
    expect(await signIn(runtime, t.tenant, { email, password, origin: operator })).toMatchObject({ ok: true });
    const after = await findPasswordHash(t.runtime.store, t.tenant.id, userId);
    expect(after).not.toBe(before);
    expect(after).toContain('m=2048');
    expect(await tryPassword(password)).toMatchObject({ ok: true });
    expect(await tryPassword(otherPassword)).toMatchObject({ ok: false });
  });
});

describe('changing the password', () => {
  const change = (currentPassword: string, newPassword: string, keepSessionUid?: string) =>
    changePassword(t.runtime, t.tenant, {
      userId,
      currentPassword,
      newPassword,
      ...(keepSessionUid !== undefined && { keepSessionUid }),
      origin: { actorType: 'user', actorId: userId },
    });

  it('needs the present one, and ends all other sessions', async () => {
    const [here, elsewhere] = [await openSession(`here-${email}`), await openSession(`elsewhere-${email}`)];
    expect(await change(otherPassword, otherPassword)).toEqual({ ok: false, problem: 'wrong-password' });
    expect([await here(), await elsewhere()]).toEqual([true, true]);
    expect(await change(password, otherPassword, `here-${email}`)).toEqual({ ok: true });
    expect([await here(), await elsewhere()]).toEqual([true, false]);
    expect(await tryPassword(password)).toMatchObject({ ok: false });
    expect(await tryPassword(otherPassword)).toMatchObject({ ok: true });
    const events = await newestEvents(5);
    expect(events).toContainEqual(expect.objectContaining({ type: 'user.password-changed', userId, outcome: 'success' }));
  });

  it.each([
    ['short', 'too-short'],
    ['passwordpassword', 'common'],
    ['x'.repeat(1 << 20), 'too-long'],
  ])('takes no bad new one', async (typed, problem) => {
    expect(await change(password, typed)).toEqual({ ok: false, problem });
    expect(await tryPassword(password)).toMatchObject({ ok: true });
  });

  it('happens once when two try with the same present one', async () => {
    const tries = await Promise.all([change(password, otherPassword), change(password, `${otherPassword} too`)]);
    expect(tries.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it('is not for disabled accounts', async () => {
    await disableUser(t.runtime, t.tenant, { userId, origin: operator });
    expect(await change(password, otherPassword)).toEqual({ ok: false, problem: 'wrong-password' });
  });
});

describe('disabling an account', () => {
  it('ABUSE-35: ends its sessions; enabling it again does not bring them back', async () => {
    const isOpen = await openSession(`session-${email}`);
    expect(await disableUser(t.runtime, t.tenant, { userId, origin: operator })).toEqual({ ok: true });
    expect(await isOpen()).toBe(false);
    expect(await disableUser(t.runtime, t.tenant, { userId, origin: operator })).toEqual({ ok: true });
    expect(await enableUser(t.runtime, t.tenant, { userId, origin: operator })).toEqual({ ok: true });
    expect(await tryPassword(password)).toMatchObject({ ok: true });
    const types = (await newestEvents(4)).map(({ type }) => type);
    expect(types.filter((type) => type === 'user.disabled')).toHaveLength(1);
    expect(types.filter((type) => type === 'user.enabled')).toHaveLength(1);
  });

  it('of an unknown account fails', async () => {
    const unknown = { userId: 'usr_nobody' as UserId, origin: operator };
    expect(await disableUser(t.runtime, t.tenant, unknown)).toEqual({ ok: false, problem: 'unknown-user' });
    expect(await enableUser(t.runtime, t.tenant, unknown)).toEqual({ ok: false, problem: 'unknown-user' });
  });

  it('ABUSE-66: the last administrator stays, also when two disable each other at once', async () => {
    const admins = await Promise.all(
      ['a', 'b'].map((mark) => createUser(t.runtime, t.tenant, { email: `${mark}-${email}`, isAdmin: true, origin: operator })),
    );
    const ids = admins.map((admin) => {
      if (!admin.ok) throw new Error(admin.problem);
      return admin.user.id;
    });
    for (let round = 0; round < 10; round += 1) {
      const outcomes = await Promise.all(ids.map((id) => disableUser(t.runtime, t.tenant, { userId: id, origin: operator })));
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
      expect(outcomes).toContainEqual({ ok: false, problem: 'last-admin' });
      for (const id of ids) await enableUser(t.runtime, t.tenant, { userId: id, origin: operator });
    }
  });
});
