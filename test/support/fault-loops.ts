/** What is done to a loaded issuer, over and over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionHarms } from './connection-harms.ts';
import type { LoadedIssuer } from './loaded-issuer.ts';
import type { SmallDisk } from './small-disk.ts';

/** Longest that service may be away once the database is there again (ABUSE-80). */
const recoveryMs = 30_000;

/** Kills the issuer with -9 at a random moment, so many times; after each, the audit trail must be whole. */
export function killLoop(issuer: LoadedIssuer, rounds: number, onRound: (round: number) => void = () => undefined): Promise<void> {
  return issuer.load(async () => {
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(400 + issuer.random() * 1_600);
      await issuer.killAndStart();
      await issuer.verifyTrail();
      onRound(round);
    }
    await sleep(500);
  });
}

/** Restarts the database at a random moment, `fast` and `immediate` as chance will have it; the issuer goes on by itself. */
export function restartLoop(issuer: LoadedIssuer, rounds: number, onRound: (round: number) => void = () => undefined): Promise<void> {
  return issuer.load(async () => {
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(400 + issuer.random() * 1_600);
      await issuer.database.end(issuer.random() < 0.5 ? 'fast' : 'immediate');
      await sleep(issuer.random() * 300);
      await issuer.database.start();
      if (!(await isServedAgain(issuer))) return;
      onRound(round);
    }
    await sleep(500);
  });
}

/** Harms the connections to the database at a random moment; of ten rounds each harm has its share, in an order by chance. */
export function connectionLoop(issuer: LoadedIssuer, rounds: number, onRound: (round: number) => void = () => undefined): Promise<void> {
  return issuer.load(async () => {
    let left = [...connectionHarms];
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(400 + issuer.random() * 1_600);
      const [harm] = left.splice(Math.floor(issuer.random() * left.length), 1);
      if (left.length === 0) left = [...connectionHarms];
      await harm?.(issuer);
      if (!(await isServedAgain(issuer))) return;
      onRound(round);
    }
    await sleep(500);
  });
}

/** Waits until the issuer is ready and has acknowledged a refresh; accuses it when that takes too long, and says so. */
async function isServedAgain(issuer: LoadedIssuer): Promise<boolean> {
  const { books } = issuer;
  const refreshed = () => books.outcomes.get('refresh 200') ?? 0;
  const before = refreshed();
  let isReady = false;
  for (const deadline = performance.now() + recoveryMs; performance.now() < deadline; await sleep(20)) {
    isReady ||= await issuer.isReady();
    if (isReady && refreshed() > before) return true;
  }
  books.accuse(`${isReady ? 'no refresh was acknowledged' : 'the issuer was not ready'} within ${recoveryMs / 1_000} s`);
  return false;
}

/**
 * Fills the disk of the database, waits until requests meet it, and gives the room back. A server that ended over it is started
 * again, as its operator would; one that did not is restarted too.
 */
export function fillDisk(issuer: LoadedIssuer, disk: SmallDisk, rounds: number): Promise<void> {
  const { books } = issuer;
  return issuer.load(async () => {
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(2_000);
      await disk.fill();
      const before = books.troubles();
      for (let tries = 0; tries < 600 && books.troubles() < before + 5; tries += 1) {
        await sleep(50);
        await disk.fill(); // what the server gave back meanwhile
      }
      if (books.troubles() === before) books.accuse('the full disk was not noticed');
      await disk.empty();
      await issuer.database.start();
      if (!(await isServedAgain(issuer))) return;
    }
    await sleep(1_000);
  });
}
