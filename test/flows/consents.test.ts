import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConsentId } from '../../src/domain/ids.ts';
import { randomToken } from '../../src/platform/random.ts';
import { changeConsent } from '../../src/services/change-consent.ts';
import { endConsent } from '../../src/services/end-consent.ts';
import { endInstallationOfGrant } from '../../src/services/end-installation.ts';
import { type AccessGrant, issueAccess } from '../../src/services/issue-access.ts';
import { listConsentsInForce } from '../../src/services/list-consents.ts';
import { needsConsent, prepareConsent, prepareConsentChange } from '../../src/services/prepare-consent.ts';
import type { AnsweredPage } from '../../src/services/record-answer.ts';
import { recordConsent, recordDenial } from '../../src/services/record-consent.ts';
import { reuseConsent } from '../../src/services/reuse-consent.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { transact } from '../../src/store/client.ts';
import { findConsent } from '../../src/store/consents.ts';
import { findSelection } from '../../src/store/selections.ts';
import { isIndexInvalid } from '../../src/store/status.ts';
import { setDisabled } from '../../src/store/users.ts';
import { type ConsentScene, setConsentScene, toolNamed } from '../support/consent-scene.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

const origin = { actorType: 'user' as const };
let t: TestRuntime;
beforeAll(async () => {
  t = await createTestRuntime();
});
afterAll(() => t.end());

const catalogue = () => [
  toolNamed('list_issues'),
  toolNamed('create_issue', 'write'),
  toolNamed('delete_issue', 'destructive'),
  toolNamed('fetch_page', 'read', { openWorld: true }),
];

type Ticks = Partial<Omit<AnsweredPage, 'shownDigest'>>;

/** Allows what `ticks` says on the page that the request leads to. */
async function allow(scene: ConsentScene, ticks: Ticks, scope?: string) {
  const page = await prepareConsent(t.runtime, t.tenant, scene.request(scope));
  if (!page.ok) throw new Error(page.failure.kind);
  const grantId = randomToken(16);
  const answer = {
    tickedTools: [],
    resources: false,
    prompts: false,
    duration: '30d' as const,
    shownDigest: page.value.shownDigest,
    ...ticks,
  };
  const recorded = await recordConsent(t.runtime, t.tenant, { ...scene.request(scope), answer, grantId, origin });
  return { page: page.value, grantId, recorded };
}

async function allowed(scene: ConsentScene, ticks: Ticks, scope?: string): Promise<{ grantId: string; consentId: ConsentId }> {
  const { grantId, recorded } = await allow(scene, ticks, scope);
  if (!recorded.ok) throw new Error(recorded.failure.kind);
  return { grantId, consentId: recorded.value.consentId };
}

const issue = (grantId: string) => transact(t.runtime.store, (db) => issueAccess(t.runtime, db, { tenant: t.tenant, grantId, origin }));

async function issued(grantId: string): Promise<AccessGrant> {
  const outcome = await issue(grantId);
  if (!outcome.ok) throw new Error(outcome.failure.kind);
  return outcome.value;
}

const isDead = ({ status }: AccessGrant) =>
  isIndexInvalid(t.runtime.store, t.tenant.id, { list: Number(status.uri.split('/').at(-1)), index: status.idx });

describe('a decision on the consent page', () => {
  it('ABUSE-38: allows only what was asked for, shown and ticked', async () => {
    const scene = await setConsentScene(t, catalogue());
    const { recorded, grantId } = await allow(
      scene,
      { tickedTools: ['list_issues', 'delete_issue', 'no_such_tool', '__proto__'], resources: true, prompts: true },
      'tools.read tool:create_issue resources',
    );
    expect(recorded.ok).toBe(true);
    expect((await issued(grantId)).scope).toBe('tool:list_issues resources');
  });

  it('ABUSE-38: is refused when the catalogue changed since the page was shown', async () => {
    const scene = await setConsentScene(t, catalogue());
    const page = await prepareConsent(t.runtime, t.tenant, scene.request());
    if (!page.ok) throw new Error(page.failure.kind);
    await scene.setTools([toolNamed('list_issues', 'destructive', { version: 2 })]);
    const answer = {
      tickedTools: ['list_issues'],
      resources: false,
      prompts: false,
      duration: '30d' as const,
      shownDigest: page.value.shownDigest,
    };
    const outcome = await recordConsent(t.runtime, t.tenant, { ...scene.request(), answer, grantId: 'g', origin });
    expect(outcome).toEqual({ ok: false, failure: { kind: 'page-outdated' } });
    expect((await listConsentsInForce(t.runtime, t.tenant, { filter: { userId: scene.userId } })).overviews).toEqual([]);
  });

  it('is refused with nothing ticked, and nothing stays of it', async () => {
    const scene = await setConsentScene(t, catalogue());
    const { recorded } = await allow(scene, {});
    expect(recorded).toEqual({ ok: false, failure: { kind: 'nothing-ticked' } });
    expect((await listConsentsInForce(t.runtime, t.tenant, { filter: { userId: scene.userId } })).overviews).toEqual([]);
  });

  it('shows what stood as kept, what is new as new, and keeps what stood unless it is unticked', async () => {
    const scene = await setConsentScene(t, catalogue());
    await allowed(scene, { tickedTools: ['list_issues', 'delete_issue'] });
    const again = await prepareConsent(t.runtime, t.tenant, scene.request('tool:create_issue'));
    if (!again.ok) throw new Error(again.failure.kind);
    const union = await prepareConsent(t.runtime, t.tenant, scene.request('tools tool:list_issues tool:create_issue'));
    if (!union.ok) throw new Error(union.failure.kind);
    expect(union.value.tools.filter(({ askedFor }) => askedFor).map(({ tool }) => tool.name)).toEqual(['create_issue']);
    expect(again.value.tools.map(({ tool, standing, ticked }) => [tool.name, standing, ticked]).sort()).toEqual([
      ['create_issue', 'new', false],
      ['delete_issue', 'kept', true],
      ['list_issues', 'kept', true],
    ]);
    const { grantId } = await allowed(scene, { tickedTools: ['list_issues', 'create_issue'] }, 'tool:create_issue');
    expect((await issued(grantId)).scope).toBe('tool:create_issue tool:list_issues');
  });

  it('refuses a person, client or server that is not there any more', async () => {
    const scene = await setConsentScene(t, catalogue());
    const unknown = await prepareConsent(t.runtime, t.tenant, { ...scene.request(), resource: 'https://elsewhere.example/mcp' });
    expect(unknown).toMatchObject({ ok: false, failure: { kind: 'unknown-resource' } });
    await setDisabled(t.runtime.store, t.tenant.id, scene.userId, new Date());
    const { recorded } = await allow(scene, { tickedTools: ['list_issues'] });
    expect(recorded).toEqual({ ok: false, failure: { kind: 'user-disabled' } });
  });

  it('leaves what stood when the person denies, and says so in the audit trail', async () => {
    const scene = await setConsentScene(t, catalogue());
    const { grantId } = await allowed(scene, { tickedTools: ['list_issues'] });
    await recordDenial(t.runtime, t.tenant, { ...scene.request('tool:delete_issue'), origin });
    expect((await issued(grantId)).scope).toBe('tool:list_issues');
    const events = await listAuditEvents(t.runtime.store, t.tenant.id, 10);
    expect(events.find(({ type, userId }) => type === 'consent.denied' && userId === scene.userId)).toMatchObject({
      outcome: 'denied',
      serverId: scene.serverId,
    });
  });
});

describe('an access token', () => {
  it('carries the consent as it stands: wider and narrower after a change, and its old index dies each time', async () => {
    const scene = await setConsentScene(t, catalogue());
    const { grantId, consentId } = await allowed(scene, { tickedTools: ['list_issues'] });
    const first = await issued(grantId);
    expect(await issued(grantId)).toMatchObject({ status: first.status });

    const change = async (tickedTools: string[]) => {
      const consent = await findConsent(t.runtime.store, t.tenant.id, consentId);
      if (!consent) throw new Error('no consent');
      const page = await prepareConsentChange(t.runtime, t.tenant, { userId: scene.userId, consent });
      if (!page.ok) throw new Error(page.failure.kind);
      const answer = { tickedTools, resources: false, prompts: false, duration: 'unchanged' as const, shownDigest: page.value.shownDigest };
      return changeConsent(t.runtime, t.tenant, { userId: scene.userId, consentId, answer, origin });
    };
    expect(await change(['list_issues', 'create_issue'])).toMatchObject({ ok: true, value: { version: 2 } });
    expect(await isDead(first)).toBe(true);
    const wider = await issued(grantId);
    expect(wider.scope).toBe('tool:create_issue tool:list_issues');
    expect(await isDead(wider)).toBe(false);
    await change(['create_issue']);
    expect(await isDead(wider)).toBe(true);
    expect((await issued(grantId)).scope).toBe('tool:create_issue');
  });

  it('widens by exactly the one tool of a widen link, for its owner alone', async () => {
    const scene = await setConsentScene(t, catalogue());
    const stranger = await setConsentScene(t, catalogue());
    const { grantId, consentId } = await allowed(scene, { tickedTools: ['list_issues'] });
    const consent = await findConsent(t.runtime.store, t.tenant.id, consentId);
    if (!consent) throw new Error('no consent');
    expect(
      await prepareConsentChange(t.runtime, t.tenant, { userId: stranger.userId, consent, addition: { tool: 'delete_issue' } }),
    ).toMatchObject({
      failure: { kind: 'unknown-consent' },
    });
    expect(
      await prepareConsentChange(t.runtime, t.tenant, { userId: scene.userId, consent, addition: { tool: 'nonsense' } }),
    ).toMatchObject({
      failure: { kind: 'unknown-tool' },
    });
    const page = await prepareConsentChange(t.runtime, t.tenant, { userId: scene.userId, consent, addition: { tool: 'delete_issue' } });
    if (!page.ok) throw new Error(page.failure.kind);
    const answer = {
      tickedTools: ['list_issues', 'delete_issue', 'create_issue'],
      resources: true,
      prompts: false,
      duration: 'unchanged' as const,
      shownDigest: page.value.shownDigest,
    };
    expect(
      await changeConsent(t.runtime, t.tenant, { userId: stranger.userId, consentId, addition: { tool: 'delete_issue' }, answer, origin }),
    ).toMatchObject({ failure: { kind: 'unknown-consent' } });
    expect(
      await changeConsent(t.runtime, t.tenant, { userId: scene.userId, consentId, addition: { tool: 'delete_issue' }, answer, origin }),
    ).toMatchObject({ ok: true });
    expect((await issued(grantId)).scope).toBe('tool:delete_issue tool:list_issues');
  });

  it('leaves out a tool that got riskier or vanished, with the reason, and keeps one that only changed', async () => {
    const scene = await setConsentScene(t, catalogue());
    const { grantId } = await allowed(scene, { tickedTools: ['list_issues', 'create_issue', 'delete_issue'] });
    await scene.setTools([toolNamed('list_issues', 'read', { version: 2 }), toolNamed('create_issue', 'destructive', { version: 2 })]);
    const grant = await issued(grantId);
    expect(grant.scope).toBe('tool:delete_issue tool:list_issues');
    expect(grant.issued.leftOut).toEqual([{ name: 'create_issue', reason: 'riskier-than-consented' }]);
  });

  it('ends no later than the consent, and there is none with less than a minute to live (ENG-29)', async () => {
    const scene = await setConsentScene(t, catalogue());
    const { grantId, consentId } = await allowed(scene, { tickedTools: ['list_issues'], duration: '1h' });
    const endsIn = (seconds: number) =>
      t.runtime.store.consentVersion.updateMany({ where: { consentId }, data: { expiresAt: new Date(Date.now() + seconds * 1_000) } });
    await endsIn(300);
    expect((await issued(grantId)).expiresAt.getTime()).toBeLessThanOrEqual(Date.now() + 300_000);
    await endsIn(59);
    expect(await issue(grantId)).toEqual({ ok: false, failure: { kind: 'consent-expired' } });
  });

  it('names a document when the tools are too many to list, and the document holds them all', async () => {
    const many = Array.from({ length: 2_000 }, (_, n) => toolNamed(`tool_number_${n}`));
    const scene = await setConsentScene(t, many);
    const { grantId } = await allowed(scene, { tickedTools: many.map(({ name }) => name) });
    const grant = await issued(grantId);
    expect(grant.scope).toBe('tools.listed');
    const document = await findSelection(t.runtime.store, t.tenant.id, grant.selection ?? '', new Date());
    expect(JSON.parse(document ?? '{}').tools).toHaveLength(2_000);
    expect((await issued(grantId)).selection).toBe(grant.selection);
    const another = await setConsentScene(t, many);
    const other = await allowed(another, { tickedTools: many.map(({ name }) => name) });
    expect((await issued(other.grantId)).selection).not.toBe(grant.selection);
  });

  it('ABUSE-35: is not issued to a disabled person', async () => {
    const scene = await setConsentScene(t, catalogue());
    const { grantId } = await allowed(scene, { tickedTools: ['list_issues'] });
    await setDisabled(t.runtime.store, t.tenant.id, scene.userId, new Date());
    expect(await issue(grantId)).toEqual({ ok: false, failure: { kind: 'user-disabled' } });
  });
});

describe('the end of a consent', () => {
  it('ABUSE-40: ends every installation and its tokens at once, once, for the owner alone', async () => {
    const scene = await setConsentScene(t, catalogue());
    const one = await allowed(scene, { tickedTools: ['list_issues'] });
    const two = await allowed(scene, { tickedTools: ['list_issues'] });
    const tokens = [await issued(one.grantId), await issued(two.grantId)];
    expect(tokens[0]?.status.idx).not.toBe(tokens[1]?.status.idx);
    const end = { consentId: one.consentId, reason: 'revoked-by-user' as const, origin };
    const stranger = await setConsentScene(t, catalogue());
    expect(await endConsent(t.runtime, t.tenant, { ...end, userId: stranger.userId })).toMatchObject({
      failure: { kind: 'unknown-consent' },
    });
    expect(await issue(one.grantId)).toMatchObject({ ok: true });
    expect(await endConsent(t.runtime, t.tenant, { ...end, userId: scene.userId })).toMatchObject({ ok: true });
    expect(await endConsent(t.runtime, t.tenant, { ...end, userId: scene.userId })).toMatchObject({ ok: true });
    for (const token of tokens) expect(await isDead(token)).toBe(true);
    for (const { grantId } of [one, two]) expect(await issue(grantId)).toEqual({ ok: false, failure: { kind: 'consent-ended' } });
    const ends = (await listAuditEvents(t.runtime.store, t.tenant.id, 500)).filter(
      ({ type, consentId }) => type === 'consent.ended' && consentId === one.consentId,
    );
    expect(ends).toHaveLength(1);
  });

  it('begins anew when the person allows again; what ended stays ended', async () => {
    const scene = await setConsentScene(t, catalogue());
    const old = await allowed(scene, { tickedTools: ['list_issues', 'delete_issue'] });
    await endConsent(t.runtime, t.tenant, { consentId: old.consentId, reason: 'revoked-by-user', origin });
    const { page, grantId } = await allow(scene, { tickedTools: ['list_issues'] });
    expect(page.standing).toBeUndefined();
    expect((await issued(grantId)).scope).toBe('tool:list_issues');
    expect(await issue(old.grantId)).toMatchObject({ failure: { kind: 'installation-ended' } });
  });

  it('by its time is an end too: a decision afterwards does not bring old installations back', async () => {
    const scene = await setConsentScene(t, catalogue());
    const old = await allowed(scene, { tickedTools: ['list_issues'], duration: '1h' });
    await t.runtime.store.consentVersion.updateMany({
      where: { consentId: old.consentId },
      data: { expiresAt: new Date(Date.now() - 1_000) },
    });
    expect(await issue(old.grantId)).toMatchObject({ failure: { kind: 'consent-expired' } });
    const fresh = await allowed(scene, { tickedTools: ['create_issue'] });
    expect((await issued(fresh.grantId)).scope).toBe('tool:create_issue');
    expect(await issue(old.grantId)).toMatchObject({ failure: { kind: 'installation-ended' } });
  });

  it('leaves the other installations alone when one ends by reuse', async () => {
    const scene = await setConsentScene(t, catalogue());
    const one = await allowed(scene, { tickedTools: ['list_issues'] });
    const two = await allowed(scene, { tickedTools: ['list_issues'] });
    const [first, second] = [await issued(one.grantId), await issued(two.grantId)];
    await endInstallationOfGrant(t.runtime, t.tenant, { grantId: one.grantId, reason: 'refresh-reuse', origin });
    expect([await isDead(first), await isDead(second)]).toEqual([true, false]);
    expect(await issue(one.grantId)).toMatchObject({ failure: { kind: 'installation-ended', reason: 'refresh-reuse' } });
    expect(await issue(two.grantId)).toMatchObject({ ok: true });
  });

  it('ABUSE-61: never leaves a live index behind, however it races with tokens being issued', async () => {
    for (let round = 0; round < 25; round += 1) {
      const scene = await setConsentScene(t, catalogue());
      const { grantId, consentId } = await allowed(scene, { tickedTools: ['list_issues'] });
      const [grants] = await Promise.all([
        Promise.all([issue(grantId), issue(grantId), issue(grantId)]),
        endConsent(t.runtime, t.tenant, { consentId, reason: 'revoked-by-user', origin }),
      ]);
      for (const grant of grants) if (grant.ok) expect(await isDead(grant.value)).toBe(true);
    }
  });
});

describe('a repeated request', () => {
  it('ABUSE-39: is put before the person unless the client is proven and asks for nothing more', async () => {
    const scene = await setConsentScene(t, catalogue());
    const asks = (scope: string | undefined, proven: boolean) => needsConsent(t.runtime, t.tenant, { ...scene.request(scope), proven });
    expect(await asks(undefined, true)).toBe(true);
    await allowed(scene, { tickedTools: ['list_issues'] });
    expect(await asks(undefined, true)).toBe(false);
    expect(await asks(undefined, false)).toBe(true);
    expect(await asks('tool:list_issues', true)).toBe(false);
    expect(await asks('tool:delete_issue', true)).toBe(true);
    expect(await asks('tools resources', true)).toBe(true);
    const reused = await reuseConsent(t.runtime, t.tenant, { ...scene.request(), grantId: 'reused' });
    expect(reused).toMatchObject({ ok: true });
    expect((await issued('reused')).scope).toBe('tool:list_issues');
    await scene.setTools([toolNamed('list_issues', 'read', { version: 2 })]);
    expect(await asks(undefined, true)).toBe(true);
  });
});
