/** What can happen to the connections of a loaded issuer to its database; each of these ends when requests have met it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { query } from './database-holder.ts';
import type { LoadedIssuer } from './loaded-issuer.ts';

type Harm = (issuer: LoadedIssuer) => Promise<void>;

const noticeMs = 30_000;
/** An issuer gives up on a connection that says nothing for 13 s. */
const longSilenceMs = 13_500;

/** Ends every session of the issuer's role, whatever it is at. */
async function killSessions({ database, books }: LoadedIssuer): Promise<void> {
  const ended = await query(
    database.ownerUrl,
    `SELECT pg_terminate_backend(pid) AS is_ended FROM pg_stat_activity WHERE usename = 'toolgrant_runtime'`,
  );
  if (!ended.some(({ is_ended: isEnded }) => isEnded === true)) books.accuse('no session was there to be killed');
}

/** Breaks every connection, and refuses new ones for a while. */
async function cutOff(issuer: LoadedIssuer): Promise<void> {
  const proxy = issuer.proxy();
  await untilMet(issuer, 'the cut', () => proxy.cut());
  await sleep(issuer.random() * 300);
  await proxy.restore();
}

/** Lets nothing through for a moment: nobody need notice, and nobody may be told anything wrong. */
async function stallShortly(issuer: LoadedIssuer): Promise<void> {
  const proxy = issuer.proxy();
  proxy.stall();
  await sleep(1_000 + issuer.random() * 2_000);
  proxy.flow();
}

/** Lets nothing through for longer than an issuer waits; what was held back reaches the database after all when it has given up. */
async function fallSilent(issuer: LoadedIssuer): Promise<void> {
  const proxy = issuer.proxy();
  await untilMet(issuer, 'the silence', async () => {
    proxy.stall();
    await sleep(longSilenceMs);
  });
  proxy.flow();
}

/** Lets statements through that commit, and loses the answers to them. A statement that a connection knows already has no text. */
async function loseCommits(issuer: LoadedIssuer): Promise<void> {
  const proxy = issuer.proxy();
  const before = proxy.lostAnswers();
  proxy.cut();
  proxy.loseAnswers(/COMMIT|-settle|registration|tool-reports/);
  await proxy.restore();
  await sleep(500 + issuer.random() * 1_000);
  await untilSo(issuer, 'that answers are lost', () => proxy.lostAnswers() > before);
  proxy.flow();
}

/** Does something, and waits until more requests have been told to come again; accuses it of having done nothing when none is. */
async function untilMet(issuer: LoadedIssuer, what: string, harm: () => void | Promise<void>): Promise<void> {
  const before = issuer.books.troubles();
  await harm();
  await untilSo(issuer, what, () => issuer.books.troubles() > before);
}

async function untilSo({ books }: LoadedIssuer, what: string, isSo: () => boolean): Promise<void> {
  for (const deadline = performance.now() + noticeMs; !isSo(); await sleep(20)) {
    if (performance.now() > deadline) return books.accuse(`${what} was not noticed`);
  }
}

/** All of them, the frequent ones more than once. */
export const connectionHarms: readonly Harm[] = [
  ...[killSessions, killSessions, killSessions],
  ...[cutOff, cutOff],
  ...[stallShortly, stallShortly],
  ...[loseCommits, loseCommits],
  fallSilent,
];
