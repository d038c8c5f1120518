import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import { randomToken } from '../../src/platform/random.ts';
import { createUser } from '../../src/services/create-user.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { issueFirstAdminLink, issueLink, linkLifetimeSeconds } from '../../src/services/issue-link.ts';
import { describeLink, redeemLink } from '../../src/services/redeem-link.ts';
import type { Origin } from '../../src/services/runtime.ts';
import { signIn } from '../../src/services/sign-in.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

const operator: Origin = { actorType: 'operator' };
const password = 'seven grey geese fly';
const otherPassword = 'staple horse correct lamp';

let t: TestRuntime;
let shiftSeconds = 0;
beforeAll(async () => {
  t = await createTestRuntime();
  t.runtime = { ...t.runtime, clock: { now: () => new Date(Date.now() + shiftSeconds * 1_000) } };
});
afterAll(() => t.end());
afterEach(() => {
  shiftSeconds = 0;
});

const person = async (options: { password?: string } = {}) => {
  const email = `${randomToken(8).toLowerCase()}@example.com`;
  const created = await createUser(t.runtime, t.tenant, { email, isAdmin: false, ...options, origin: operator });
  if (!created.ok) throw new Error(created.problem);
  return { email, userId: created.user.id };
};
const linkFor = async (purpose: 'invitation' | 'password-reset', userId: UserId) => {
  const issued = await issueLink(t.runtime, t.tenant, { purpose, userId, origin: operator });
  if (!issued.ok) throw new Error(issued.problem);
  return { ...issued.link, token: issued.link.url.split('/').at(-1) ?? '' };
};
const redeem = (token: string, typed = password, email?: string) =>
  redeemLink(t.runtime, t.tenant, { token, password: typed, ...(email !== undefined && { email }), origin: { actorType: 'user' } });
const canSignIn = async (email: string, typed: string) =>
  (await signIn(t.runtime, t.tenant, { email, password: typed, origin: { actorType: 'user' } })).ok;

describe('an invitation', () => {
  it('lets a person choose a password, once', async () => {
    const { email, userId } = await person();
    const { token, url, expiresAt } = await linkFor('invitation', userId);
    expect(url).toBe(`${t.tenant.issuer}/link/${token}`);
    expect(await describeLink(t.runtime, t.tenant, token)).toEqual({ purpose: 'invitation', email, expiresAt });
    expect(await redeem(token)).toEqual({ ok: true, userId, purpose: 'invitation' });
    expect(await canSignIn(email, password)).toBe(true);
    expect(await describeLink(t.runtime, t.tenant, token)).toBeUndefined();
    expect(await redeem(token, otherPassword)).toEqual({ ok: false, problem: 'unknown-link' });
    expect(await canSignIn(email, password)).toBe(true);
  });

  it('is used once, however many try at once', async () => {
    const { userId } = await person();
    const { token } = await linkFor('invitation', userId);
    const tries = await Promise.all(Array.from({ length: 8 }, (_, index) => redeem(token, `${password} ${index}`)));
    expect(tries.filter(({ ok }) => ok)).toHaveLength(1);
    expect(tries.flatMap((one) => (one.ok ? [] : one.problem))).toEqual(Array(7).fill('unknown-link'));
  });

  it('is not used up by a password that cannot be chosen', async () => {
    const { email, userId } = await person();
    const { token } = await linkFor('invitation', userId);
    expect(await redeem(token, 'short')).toEqual({ ok: false, problem: 'too-short' });
    expect(await redeem(token, email + email)).toEqual({ ok: false, problem: 'about-the-account' });
    expect(await redeem(token)).toMatchObject({ ok: true });
  });

  it('is replaced by the next one, and not given to those who have a password', async () => {
    const { userId } = await person();
    const first = await linkFor('invitation', userId);
    const second = await linkFor('invitation', userId);
    expect(await redeem(first.token)).toEqual({ ok: false, problem: 'unknown-link' });
    expect(await redeem(second.token)).toMatchObject({ ok: true });
    expect(await issueLink(t.runtime, t.tenant, { purpose: 'invitation', userId, origin: operator })).toEqual({
      ok: false,
      problem: 'has-password',
    });
  });

  it('cannot be used a second late', async () => {
    const { userId } = await person();
    const { token } = await linkFor('invitation', userId);
    shiftSeconds = linkLifetimeSeconds.invitation + 1;
    expect(await describeLink(t.runtime, t.tenant, token)).toBeUndefined();
    expect(await redeem(token)).toEqual({ ok: false, problem: 'unknown-link' });
  });
});

describe('a password reset', () => {
  it('replaces the password within half an hour', async () => {
    const { email, userId } = await person({ password });
    const { token, expiresAt } = await linkFor('password-reset', userId);
    expect(expiresAt.getTime() - Date.now()).toBeLessThanOrEqual(30 * 60 * 1_000);
    expect(await redeem(token, otherPassword)).toEqual({ ok: true, userId, purpose: 'password-reset' });
    expect([await canSignIn(email, password), await canSignIn(email, otherPassword)]).toEqual([false, true]);
  });

  it('is of no use once the account is disabled, and none is made then', async () => {
    const { userId } = await person({ password });
    const { token } = await linkFor('password-reset', userId);
    await disableUser(t.runtime, t.tenant, { userId, origin: operator });
    expect(await redeem(token, otherPassword)).toEqual({ ok: false, problem: 'unknown-link' });
    const again = await issueLink(t.runtime, t.tenant, { purpose: 'password-reset', userId, origin: operator });
    expect(again).toEqual({ ok: false, problem: 'user-disabled' });
  });

  it('is not given to those who have nothing to reset', async () => {
    const { userId } = await person();
    expect(await issueLink(t.runtime, t.tenant, { purpose: 'password-reset', userId, origin: operator })).toEqual({
      ok: false,
      problem: 'no-password',
    });
  });
});

describe('any link', () => {
  it('ABUSE-74: stands nowhere in the database', async () => {
    const { userId } = await person();
    const { token } = await linkFor('invitation', userId);
    const rows = JSON.stringify([
      await t.runtime.store.oneTimeLink.findMany(),
      await t.runtime.store.auditEvent.findMany(),
      await t.runtime.store.user.findMany(),
    ]);
    expect(rows).not.toContain(token);
  });

  it('that never was is like one that is used up', async () => {
    for (const token of ['', randomToken(), 'x'.repeat(10_000)]) {
      expect(await describeLink(t.runtime, t.tenant, token)).toBeUndefined();
      expect(await redeem(token)).toEqual({ ok: false, problem: 'unknown-link' });
    }
  });

  it('leaves a trail: who got it, who used it', async () => {
    const { userId } = await person();
    const { token } = await linkFor('invitation', userId);
    await redeem(token);
    const events = (await listAuditEvents(t.runtime.store, t.tenant.id, 10)).filter((event) => event.userId === userId);
    expect(events.map(({ type, actorType }) => `${type} by ${actorType}`).sort()).toEqual([
      'link.issued by operator',
      'link.redeemed by user',
      'user.created by operator',
      'user.password-changed by user',
    ]);
  });
});

describe('the first administrator', () => {
  let fresh: TestRuntime;
  beforeEach(async () => {
    fresh = await createTestRuntime();
  });
  afterEach(() => fresh.end());

  const issue = async () => {
    const link = await issueFirstAdminLink(fresh.runtime, fresh.tenant, { actorType: 'issuer' });
    return link?.url.split('/').at(-1);
  };
  const make = (token: string, email: string) =>
    redeemLink(fresh.runtime, fresh.tenant, { token, email, password, origin: { actorType: 'user' } });

  it('is made by the newest link, and there are no links any more', async () => {
    const [first, second] = [await issue(), await issue()];
    expect(await make(first ?? '', 'root@example.com')).toEqual({ ok: false, problem: 'unknown-link' });
    expect(await make(second ?? '', 'no address')).toEqual({ ok: false, problem: 'bad-email' });
    expect(await make(second ?? '', 'Root@Example.com')).toMatchObject({ ok: true, purpose: 'first-admin' });
    expect(await issue()).toBeUndefined();
    expect(await make(second ?? '', 'other@example.com')).toEqual({ ok: false, problem: 'unknown-link' });
    const user = await fresh.runtime.store.user.findFirstOrThrow();
    expect(user).toMatchObject({ email: 'root@example.com', isAdmin: true });
  });

  it('is one, however many use the link at once', async () => {
    const token = (await issue()) ?? '';
    const tries = await Promise.all(Array.from({ length: 6 }, (_, index) => make(token, `root${index}@example.com`)));
    expect(tries.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await fresh.runtime.store.user.count()).toBe(1);
  });

  it('is not made once the operator has made one', async () => {
    const token = (await issue()) ?? '';
    await createUser(fresh.runtime, fresh.tenant, { email: 'admin@example.com', isAdmin: true, origin: operator });
    expect(await make(token, 'root@example.com')).toEqual({ ok: false, problem: 'unknown-link' });
  });

  it('takes over nobody else’s account', async () => {
    await createUser(fresh.runtime, fresh.tenant, { email: 'ada@example.com', isAdmin: false, origin: operator });
    const token = (await issue()) ?? '';
    expect(await make(token, 'ada@example.com')).toEqual({ ok: false, problem: 'email-taken' });
    expect(await make(token, 'root@example.com')).toMatchObject({ ok: true });
  });
});
