/** What is done to a loaded issuer, over and over. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadedIssuer } from './loaded-issuer.ts';

/** Kills the issuer with -9 at a random moment, so many times. */
export function killLoop(issuer: LoadedIssuer, rounds: number, onRound: (round: number) => void = () => undefined): Promise<void> {
  return issuer.load(async () => {
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(400 + issuer.random() * 1_600);
      await issuer.killAndStart();
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
