/**
 * Checks access tokens with `@toolgrant/resource-server` and, in turns, with plain `jose`; in a process of its own on the
 * servers' core. Prints its findings as one line of JSON.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { createVerifier, type VerifierOptions } from '../../../src/resource-server/index.ts';
import { resource } from '../contenders/contender.ts';
import { checkedTool, createPaperIssuer } from './tokens.ts';

/** How long and how often. */
export interface VerificationOptions {
  rounds: number;
  warmUpMs: number;
  measuredMs: number;
}

/** What one measurement found. */
export interface VerificationMeasurement {
  perSecond: number;
  /** Processor time per check in microseconds, all threads together. */
  cpuUs: number;
}

/** One measurement of each kind per round. */
export interface VerificationFindings {
  firstSeen: VerificationMeasurement[];
  firstSeenByJose: VerificationMeasurement[];
  seen: VerificationMeasurement[];
  /** API keys; each is asked about again every ten seconds. */
  keySeen: VerificationMeasurement[];
}

/** More than anybody checks in a second, so that none of them comes twice to one verifier. */
const unseenTokensPerSecond = 20_000;
const seenTokens = 1_000;
/** Checks under way at the same time, as on a server with so many requests. */
const atATime = 32;

const options = JSON.parse(process.argv[2] ?? '{}') as VerificationOptions;
const paper = createPaperIssuer();
// Headers as a server gets them: bytes of which every request makes a new string.
const unseenTokens = Math.ceil((unseenTokensPerSecond * (options.warmUpMs + options.measuredMs)) / 1_000);
const headers = paper.makeTokens(unseenTokens).map((token) => Buffer.from(`Bearer ${token}`, 'latin1'));
const keys = paper.makeApiKeys(seenTokens).map((key) => Buffer.from(`Bearer ${key}`, 'latin1'));
const findings: VerificationFindings = { firstSeen: [], firstSeenByJose: [], seen: [], keySeen: [] };
for (let round = 0; round < options.rounds; round += 1) {
  const contenders = [
    async () => findings.firstSeen.push(await run(createOurs(), headers, { once: true })),
    async () => findings.firstSeenByJose.push(await run(createJose(), headers, { once: true })),
  ];
  for (const measure of round % 2 === 0 ? contenders : contenders.reverse()) await measure();
  findings.seen.push(await run(createOurs(), headers.slice(0, seenTokens)));
  findings.keySeen.push(await run(createOurs({ credential: 'srv_bench:secret', reports: false }), keys));
}
process.stdout.write(`${JSON.stringify(findings)}\n`);

type Check = (authorization: string) => Promise<unknown>;

function createOurs(options: Partial<VerifierOptions> = {}): Check {
  const verifier = createVerifier({ issuer: paper.issuer, resource, fetch: paper.fetch, ...options });
  return async (authorization) => {
    const access = await verifier.verify(authorization);
    if (!access.allows(checkedTool)) throw new Error('the tool is not allowed');
  };
}

function createJose(): Check {
  const keys = createLocalJWKSet(paper.jwks);
  const expected = { issuer: paper.issuer, audience: resource, typ: 'at+jwt', algorithms: ['ES256'] };
  return async (authorization) => {
    const { payload } = await jwtVerify(authorization.slice('Bearer '.length), keys, expected);
    if (!String(payload.scope).split(' ').includes(`tool:${checkedTool}`)) throw new Error('the tool is not allowed');
  };
}

/** Checks the headers in a circle; `once`: throws when it comes around. */
async function run(check: Check, circle: readonly Buffer[], { once = false } = {}): Promise<VerificationMeasurement> {
  let place = 0;
  let checked = 0;
  const state = { isEnded: false };
  const worker = async () => {
    for (let sinceTurn = 1; !state.isEnded; sinceTurn += 1) {
      const header = circle[place] as Buffer;
      place = (place + 1) % circle.length;
      if (once && place === 0) throw new Error('more tokens were checked than were made: raise unseenTokensPerSecond');
      await check(header.toString('latin1'));
      checked += 1;
      // What is answered from memory never lets the event loop turn, and the timer below would never fire.
      if (sinceTurn % 256 === 0) await nextTurn();
    }
  };
  const workers = Promise.all(Array.from({ length: atATime }, worker));
  const pause = (delayMs: number) => Promise.race([workers, new Promise((resolve) => setTimeout(resolve, delayMs))]);
  await pause(options.warmUpMs);
  const before = { checked, at: performance.now(), cpu: process.cpuUsage() };
  await pause(options.measuredMs);
  const checks = checked - before.checked;
  const { user, system } = process.cpuUsage(before.cpu);
  const seconds = (performance.now() - before.at) / 1_000;
  state.isEnded = true;
  await workers;
  return { perSecond: checks / seconds, cpuUs: (user + system) / checks };
}
