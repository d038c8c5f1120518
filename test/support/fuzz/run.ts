/**
 * Sends requests by chance to a target, over several connections, and judges each answer. The first that breaks a rule ends the run,
 * shrunk to the fewest changes that still break it. Used by the tests at a tenth of the counts, by the soak at all of them.
 */
import fc from 'fast-check';
import { type Draft, type Facts, type PlaceName, placeNames, writeRequest } from './draft.ts';
import { findProblems } from './judge.ts';
import type { FuzzTarget } from './target.ts';
import { NoAnswer, Wire } from './wire.ts';
import { renewFacts } from './world.ts';

/** What is sent, and how much of it. */
export interface FuzzOptions {
  requests: fc.Arbitrary<Draft>;
  count: number;
  seed: number;
  /** Is told every so many requests. */
  onProgress?: (sent: number) => void;
}

/** What came of it. */
export interface FuzzReport {
  sent: number;
  /** How often each kind of request was answered with each status; 0: by closing the connection. */
  outcomes: ReadonlyMap<string, number>;
  /** The first request that broke a rule, as data; absent: none did. */
  failure?: string;
}

const lanes = 6;
/** After so many requests of a connection, what they have used up is made anew. */
const batch = 1_500;

/** Sends them. The same seed sends the same requests, whatever the issuer has given out. */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const outcomes = new Map<string, number>();
  const run = { sent: 0, failure: undefined as string | undefined };
  const batches = Math.ceil(options.count / batch);
  let next = 0;
  const lane = async () => {
    const wire = new Wire(target.port);
    try {
      for (let number = next++; number < batches && run.failure === undefined; number = next++) {
        const facts = await renewAll(target);
        const numRuns = Math.min(batch, options.count - number * batch);
        const details = await fc.check(
          fc.asyncProperty(options.requests, async (draft) => {
            const { status, problems } = await sendOne(wire, draft, { target, facts });
            const outcome = `${draft.name} ${status}`;
            outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
            run.sent += 1;
            if (run.sent % 10_000 === 0) options.onProgress?.(run.sent);
            if (problems.length > 0) throw new Error(problems.join('\n'));
          }),
          { numRuns, seed: options.seed + number },
        );
        if (details.failed) run.failure ??= describeFailure(details, facts);
      }
    } finally {
      wire.close();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { sent: run.sent, outcomes, ...(run.failure !== undefined && { failure: run.failure }) };
}

async function renewAll({ runtime, places }: FuzzTarget): Promise<Record<PlaceName, Facts>> {
  const all = {} as Record<PlaceName, Facts>;
  for (const name of placeNames) all[name] = await renewFacts(runtime, places[name]);
  return all;
}

async function sendOne(
  wire: Wire,
  draft: Draft,
  { target, facts }: { target: FuzzTarget; facts: Record<PlaceName, Facts> },
): Promise<{ status: number; problems: string[] }> {
  const place = target.places[draft.place];
  const own = facts[draft.place];
  const sent = writeRequest(draft, { ...place, facts: own });
  const judged = {
    ...place,
    secrets: [...place.secrets, own.Password ?? ''],
    changingClients: [own.ManagedClientId ?? '', own.DoomedClientId ?? ''],
  };
  try {
    const answer = await wire.send(sent.bytes, { isHead: sent.isHead, endsConnection: sent.isMalformed });
    return {
      status: answer.status,
      problems: findProblems(draft, sent, { answer, place: judged }),
    };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    // Who sends more than is read may lose the answer with the connection.
    const isExcused = sent.isMalformed || sent.bytes.length > 16_000;
    return { status: 0, problems: isExcused ? [] : [error.message] };
  }
}

function describeFailure(details: fc.RunDetails<[Draft]>, facts: Record<PlaceName, Facts>): string {
  const [draft] = details.counterexample ?? [];
  if (!draft) return fc.defaultReportMessage(details) ?? 'it failed';
  const { bytes } = writeRequest(draft, { basePath: '', host: 'localhost', facts: facts[draft.place] });
  const why = details.errorInstance instanceof Error ? details.errorInstance.message : String(details.errorInstance);
  const request = JSON.stringify(draft).slice(0, 4_000);
  return `${why}\nseed ${details.seed}, path ${details.counterexamplePath}\n${request}\n${JSON.stringify(bytes.toString('latin1')).slice(0, 3_000)}`;
}
