/** What is done to a loaded issuer, over and over. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadedIssuer } from './loaded-issuer.ts';
import type { SmallDisk } from './small-disk.ts';

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
      await issuer.untilReady();
      onRound(round);
    }
    await sleep(500);
  });
}

/**
 * Fills the disk of the database, waits until requests meet it, and gives the room back. A server that ended over it is started
 * again, as its operator would; one that did not is restarted too.
 */
export function fillDisk(issuer: LoadedIssuer, disk: SmallDisk, rounds: number): Promise<void> {
  return issuer.load(async () => {
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(2_000);
      await disk.fill();
      const before = countTrouble(issuer);
      for (let tries = 0; tries < 600 && countTrouble(issuer) < before + 5; tries += 1) {
        await sleep(50);
        await disk.fill(); // what the server gave back meanwhile
      }
      if (countTrouble(issuer) === before) issuer.books.accuse('the full disk was not noticed');
      await disk.empty();
      await issuer.database.start();
      await issuer.untilReady();
    }
    await sleep(1_000);
  });
}

function countTrouble({ books }: LoadedIssuer): number {
  return [...books.outcomes].reduce((sum, [outcome, count]) => (/ (503|not now)$/.test(outcome) ? sum + count : sum), 0);
}
