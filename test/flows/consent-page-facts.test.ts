import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId, ServerId, UserId } from '../../src/domain/ids.ts';
import { prepareConsent } from '../../src/services/prepare-consent.ts';
import { transact } from '../../src/store/client.ts';
import { findClientStanding } from '../../src/store/client-standing.ts';
import { findClient } from '../../src/store/clients.ts';
import { findConsentOf } from '../../src/store/consents.ts';
import { findDecisionFacts } from '../../src/store/decision-facts.ts';
import { createGroup } from '../../src/store/groups.ts';
import { findPolicyFacts } from '../../src/store/policies.ts';
import { findServer } from '../../src/store/servers.ts';
import { keepTools, removeTools } from '../../src/store/tools.ts';
import { setConsentScene, toolNamed } from '../support/consent-scene.ts';
import { giveConsent } from '../support/given-consent.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let t: TestRuntime;
beforeAll(async () => {
  t = await createTestRuntime();
});
afterAll(() => t.end());

const catalogue = () => [toolNamed('list_issues'), toolNamed('create_issue', 'write'), toolNamed('delete_issue', 'destructive')];

describe('what a consent page rests on', () => {
  it('is read by one statement as by one for each of its parts, whatever their rows hold', async () => {
    const scene = await setConsentScene(t, catalogue());
    const { userId, clientId, serverId } = scene;
    await giveConsent(t, scene);
    const { store } = t.runtime;
    const [early, late] = [new Date('2026-01-31T23:59:59.999Z'), new Date('2027-02-28T00:00:00.001Z')];
    await store.client.updateMany({
      where: { id: clientId },
      data: {
        ...{ secretDigest: 'a', previousSecretDigest: 'b', previousSecretUntil: late, firstAuthorizedAt: early, blockedAt: late },
        ...{ verifiedAt: early, quarantinedAt: early, quarantineEndsAt: late, identityChangedAt: late, version: 3, reapAfter: late },
      },
    });
    const problem = {
      catalogueProblem: { reason: 'refused', detail: '“no”' },
      catalogueFailures: 2,
      reportedDigest: 'r',
      reportedAt: late,
    };
    const library = {
      libraryName: 'l',
      libraryVersion: '1',
      librarySeenAt: early,
      upstream: 'https://up.example/mcp',
      catalogueSyncedAt: late,
    };
    await store.server.updateMany({ where: { id: serverId }, data: { ...library, ...problem } });
    await store.consent.updateMany({ where: { userId }, data: { endedAt: late, endReason: 'revoked-by-user' } });
    await store.consentVersion.updateMany({
      where: { consent: { userId } },
      data: {
        ...{ signedInAt: early, clientVersion: 2, pausedVersion: 1, own: { resources: { expiresAt: late.toISOString() } } },
        tools: [{ ...toolNamed('list_issues'), decidedAt: early.toISOString() }] as object[],
      },
    });
    const groupId = await createGroup(store, t.tenant.id, { name: 'readers', createdAt: early });
    if (!groupId) throw new Error('the group is there already');
    await store.groupMember.create({ data: { tenantId: t.tenant.id, groupId, userId, addedAt: early } });
    const byId = await findDecisionFacts(store, t.tenant.id, { userId, clientId, server: { id: serverId } });
    expect(byId).toEqual({
      client: await findClient(store, t.tenant.id, clientId),
      server: await findServer(store, t.tenant.id, serverId),
      consent: await findConsentOf(store, t.tenant.id, { userId, clientId, serverId }),
      quarantine: (await findClientStanding(store, t.tenant.id, clientId))?.setting,
      policy: await findPolicyFacts(store, t.tenant.id, userId),
    });
    expect(byId).toMatchObject({
      client: { previousSecret: { until: late } },
      consent: { pausedVersion: 1 },
      server: { reportedAt: late },
    });
    const key = { resourceKey: scene.resource };
    expect(await findDecisionFacts(store, t.tenant.id, { userId, clientId, server: key })).toEqual(byId);
    const strangers = { userId: 'usr_none' as UserId, clientId: 'cli_\u0000' as ClientId, server: { id: 'srv_none' as ServerId } };
    const nothing = { quarantine: byId.quarantine, policy: { revision: byId.policy.revision, groups: [] } };
    expect(await findDecisionFacts(store, t.tenant.id, strangers)).toEqual(nothing);
  });

  it('ABUSE-84: is the catalogue as it is now, whatever was remembered of it, and never what was rolled back', async () => {
    const scene = await setConsentScene(t, catalogue());
    const shown = async () => {
      const page = await prepareConsent(t.runtime, t.tenant, scene.request());
      if (!page.ok) throw new Error(page.failure.kind);
      return page.value.tools.map(({ tool }) => `${tool.name} ${tool.risk}`).toSorted();
    };
    const before = await shown();
    expect(await shown()).toEqual(before);
    const undone = transact(t.runtime.store, async (db) => {
      await keepTools(db, t.tenant.id, scene.serverId, [toolNamed('undone')]);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await shown()).toEqual(before);
    await scene.setTools([toolNamed('list_issues', 'destructive')]);
    expect(await shown()).toEqual(before.map((tool) => (tool === 'list_issues read' ? 'list_issues destructive' : tool)));
    await removeTools(t.runtime.store, t.tenant.id, scene.serverId, { names: ['list_issues'], at: new Date() });
    expect(await shown()).toEqual(before.filter((tool) => tool !== 'list_issues read'));
  });
});
