import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listAuditEvents } from '../../src/store/audit.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';

let first: TestIssuer;
let second: TestIssuer;
beforeAll(async () => {
  first = await startIssuer();
  second = await startIssuer({ beside: first });
});
afterAll(async () => {
  await second.stop();
  await first.stop();
});

const wellKnown = '/.well-known/oauth-authorization-server';

/** Whether registration is in the metadata, and there. */
async function isOpen(issuer: TestIssuer): Promise<boolean> {
  const isAdvertised = 'registration_endpoint' in ((await issuer.send({ path: wellKnown })).json() as object);
  const { status } = await issuer.send({ method: 'POST', path: '/register', headers: { 'Content-Type': 'application/json' }, body: '{}' });
  expect(status).toBe(isAdvertised ? 400 : 404);
  return isAdvertised;
}

describe('a changed setting', () => {
  it('ABUSE-84: is in force on every instance within a second, also where nobody asked in between', async () => {
    for (const registration of ['off', 'open']) {
      expect([await isOpen(first), await isOpen(second)]).toEqual(Array(2).fill(registration === 'off'));
      await first.set({ registration });
      expect(await isOpen(first)).toBe(registration === 'open');
      // Nothing reaches the second meanwhile: its first request after a second is the one that counts.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(await isOpen(second)).toBe(registration === 'open');
    }
  });

  it('concerns one tenant only', async () => {
    const acme = await first.addTenant('acme');
    await acme.set({ registration: 'off' });
    expect([await isOpen(acme), await isOpen(first)]).toEqual([false, true]);
  });

  it('leaves an event that says what was and what is; one that changes nothing leaves none', async () => {
    const count = async () =>
      (await listAuditEvents(first.runtime.store, first.tenant.id, 50)).filter(({ type }) => type === 'tenant.settings-changed').length;
    const before = await count();
    await first.set({ registration: 'off' });
    const [event] = await listAuditEvents(first.runtime.store, first.tenant.id, 1);
    expect(event).toMatchObject({
      type: 'tenant.settings-changed',
      actorType: 'operator',
      detail: { changed: { registration: { before: 'open', now: 'off' } } },
    });
    await first.set({ registration: 'off' });
    await first.set({ registration: '' });
    await first.set({ registration: 'open' });
    expect(await count()).toBe(before + 2);
  });

  it('that comes with others at the same time takes nothing of theirs back', async () => {
    const tenant = await first.runtime.store.tenant.update({ where: { id: first.tenant.id }, data: { settings: { future: 'x' } } });
    await Promise.all(Array.from({ length: 8 }, (_, index) => first.set({ registration: index % 2 === 0 ? 'off' : 'open' })));
    await first.set({ registration: 'off' });
    const { settings } = await first.runtime.store.tenant.findUniqueOrThrow({ where: { id: tenant.id } });
    expect(settings).toEqual({ future: 'x', registration: 'off' });
  });
});

describe('stored settings that this version cannot read', () => {
  it('stop no issuer: the most careful value holds, and the log says so once', async () => {
    await first.runtime.store.$executeRaw`
      UPDATE tenants SET settings = '{"registration": "by-post"}', changed_at = clock_timestamp() WHERE id = ${first.tenant.id}`;
    await first.directory.refresh();
    await first.directory.refresh();
    expect(await isOpen(first)).toBe(false);
    const lines = first.log.filter((line) => line.includes('by-post'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"tenant":"root"');
    const third = await startIssuer({ beside: first });
    try {
      expect(await isOpen(third)).toBe(false);
    } finally {
      await third.stop();
    }
    await first.set({ registration: 'open' });
    expect(await isOpen(first)).toBe(true);
  });
});
