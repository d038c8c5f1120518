/** A client of more people than one transaction goes through is blocked or judged, and the work is interrupted between its batches. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { blockClient, unblockClient } from '../../src/services/block-client.ts';
import { quarantineClient } from '../../src/services/judge-client.ts';
import { sweepBatch } from '../../src/services/sweep-consents.ts';
import { listInvalidIndices } from '../../src/store/status.ts';
import { addBusyClient, type BusyClient, cleanUpUntil, countRows, otherPeople } from '../support/busy-client.ts';
import { query } from '../support/database-holder.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorizationUrl, claimsOf, connect, isActive, newPkce, refresh, type TestClient, type Tokens } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());

const operator = { actorType: 'operator' } as const;
const about = (client: TestClient) => ({ clientId: client.clientId as ClientId, origin: operator });
const block = (client: TestClient) => blockClient(issuer.runtime, issuer.tenant, about(client));
const busyClient = () => addBusyClient(issuer, { person, server });
const sweeps = () => countRows(issuer, 'consent_sweeps');
const cleanUp = () => cleanUpUntil(issuer, async () => (await sweeps()) === 0);

/** Does something that goes on in batches, of which the second one fails. */
async function interrupt(busy: BusyClient, work: () => Promise<unknown>): Promise<void> {
  const mend = await busy.onSecondBatch(`RAISE EXCEPTION 'the disk is full'`);
  try {
    await expect(work()).rejects.toThrow('the disk is full');
  } finally {
    await mend();
  }
}

async function isIndexPublishedInvalid({ tokens }: BusyClient): Promise<boolean> {
  const { status } = claimsOf(tokens.access_token) as { status?: { status_list: { idx: number } } };
  return (await listInvalidIndices(issuer.runtime.store, issuer.tenant.id, 0))?.includes(status?.status_list.idx ?? -1) ?? false;
}

describe('ABUSE-84: the block of a client with many people', () => {
  /** Interrupted after its first batch; everything that a client could do must be over all the same. */
  async function interruptedBlock(): Promise<BusyClient> {
    const busy = await busyClient();
    await interrupt(busy, () => block(busy.client));
    expect(await busy.inForce()).toBe(otherPeople + 1 - sweepBatch);
    return busy;
  }

  it('counts for all of them from its first commit on, whatever becomes of the rest', async () => {
    const busy = await interruptedBlock();
    const { client, tokens, consentId } = busy;
    const [event] = await query(
      issuer.database.ownerUrl,
      `SELECT detail FROM audit_events WHERE type = 'client.blocked' AND client_id = '${client.clientId}'`,
    );
    expect(event?.['detail']).toEqual({ consents: otherPeople + 1, installations: otherPeople + 1 });

    // Nobody has come to this person's consent yet.
    expect(await countRows(issuer, `consents WHERE id = '${consentId}' AND ended_at IS NULL`)).toBe(1);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect(await isIndexPublishedInvalid(busy)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    const request = { code_challenge: newPkce().challenge, resource: server.resource };
    expect((await tokens.browser.get(authorizationUrl(issuer, client, request))).headers.location).toBeUndefined();
    expect((await tokens.browser.get(`${issuer.url}/account`)).text).not.toContain(consentId);

    await cleanUp();
    expect([await busy.inForce(), await busy.untold(), await sweeps()]).toEqual([0, 0, 0]);
  });

  it('is brought to its end by blocking again, which says what it ended', async () => {
    const busy = await interruptedBlock();
    const left = otherPeople + 1 - sweepBatch;
    expect(await block(busy.client)).toEqual({ consents: left, installations: left, isChanged: false });
    expect([await busy.inForce(), await busy.untold(), await sweeps()]).toEqual([0, 0, 0]);
  });

  it('is brought to its end before it is lifted: nothing that it was to end comes back', async () => {
    const busy = await interruptedBlock();
    const { client, tokens } = busy;
    expect(await unblockClient(issuer.runtime, issuer.tenant, about(client))).toEqual({ isChanged: true });
    expect([await busy.inForce(), await busy.untold(), await sweeps()]).toEqual([0, 0, 0]);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    expect(await isActive(issuer, server, (await connect(issuer, { client, person, server })).access_token)).toBe(true);
  });

  it('ABUSE-41: two who block at the same time end everything once', async () => {
    const busy = await busyClient();
    const both = await Promise.all([block(busy.client), block(busy.client)]);
    expect(both.map((one) => one?.isChanged).sort()).toEqual([false, true]);
    expect([await busy.inForce(), await busy.untold(), await sweeps()]).toEqual([0, 0, 0]);
    expect(await countRows(issuer, `audit_events WHERE type = 'client.blocked' AND client_id = '${busy.client.clientId}'`)).toBe(1);
  });
});

describe('ABUSE-61: a quarantine of a client with many people', () => {
  it.each(['by hand', 'by the tenant’s setting'])('%s: when it is interrupted, clean-up finishes it', async (how) => {
    const busy = await busyClient();
    const { client, tokens } = busy;
    await interrupt(busy, () =>
      how === 'by hand' ? quarantineClient(issuer.runtime, issuer.tenant, about(client)) : issuer.set({ quarantine: 'until-verified' }),
    );
    expect(await busy.untold()).toBeGreaterThan(0);
    // Who has not been come to yet gets nothing wider any more.
    expect((await refresh(issuer, client, tokens.refresh_token)).json<Tokens>().scope).toBe('tool:list_issues');
    await cleanUp();
    expect([await busy.untold(), await sweeps(), await busy.inForce()]).toEqual([0, 0, otherPeople + 1]);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    await issuer.set({ quarantine: 'off' });
  });
});
