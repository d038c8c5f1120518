/** An issuer that is listened to: every line that it or its process says, at the most talkative level, and all that it ever stored. */
import { jest } from '@jest/globals';
import { Canaries, dumpDatabase } from './canaries.ts';
import { type IssuerOptions, startIssuer, type TestIssuer } from './issuer.ts';

/** What is watched, and the secrets that must not be seen. */
export interface WatchedIssuer {
  issuer: TestIssuer;
  canaries: Canaries;
  /** Takes a look at everything that is stored now; much of it does not stay for long. */
  dump(): Promise<void>;
  /** Where which secret was seen. */
  findings(): string[];
  stop(): Promise<void>;
}

/** Starts an issuer, and takes over this process's own output. */
export async function startWatchedIssuer(options: IssuerOptions = {}): Promise<WatchedIssuer> {
  const canaries = new Canaries();
  const said: string[] = [];
  const dumps: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation((chunk) => said.push(String(chunk)) > 0);
  }
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
    jest.spyOn(console, method).mockImplementation((...words) => void said.push(words.map(String).join(' ')));
  }
  const issuer = await startIssuer(options);
  issuer.runtime.log.level = 'trace';
  return {
    issuer,
    canaries,
    dump: async () => void dumps.push(await dumpDatabase(issuer.database.ownerUrl)),
    findings() {
      const places = { log: issuer.log.join(''), said: said.join('\n'), database: dumps.join('\n') };
      const found = Object.entries(places).flatMap(([place, text]) => canaries.findIn(text).map((what) => `${place}: ${what}`));
      return [...new Set(found)];
    },
    async stop() {
      jest.restoreAllMocks();
      await issuer.stop();
    },
  };
}
