import { randomBytes } from 'node:crypto';
import { argon2id, hash, needsRehash, verify } from 'argon2';

/** What checking a password found. */
export interface PasswordCheck {
  matches: boolean;
  /** It matches, but was hashed at another cost than today's: hash it again. */
  needsRehash: boolean;
}

/** Hashes passwords (argon2id) and checks them. At most a few at a time; both throw `PasswordHashingBusy` when too many wait. */
export interface PasswordHasher {
  /** A PHC string to store. The caller has bounded the length. */
  hash(password: string): Promise<string>;
  /**
   * Checks a password against a stored PHC string. Without one (an unknown account, an account without a password) it
   * takes as long as a wrong password does, and does not match.
   */
  verify(password: string, stored: string | null | undefined): Promise<PasswordCheck>;
  /** How many are being hashed now, and how many wait. */
  load(): { running: number; waiting: number };
}

/** Cost and bounds. The defaults are at the level of OWASP's recommendation, doubled. */
export interface PasswordHasherOptions {
  /** Memory per hash, in KiB. Default 47,104 (46 MiB). */
  memoryKib?: number;
  /** Passes over the memory. Default 2. */
  passes?: number;
  /** Default 1. */
  lanes?: number;
  /** Hashes at a time. Default 2: node has four threads for this and for files and names. */
  maxConcurrent?: number;
  /** Callers that may wait for their turn. Default 32. */
  maxWaiting?: number;
}

/** Too many passwords wait to be hashed: say "try again later" (503), never "wrong password". */
export class PasswordHashingBusy extends Error {
  override readonly name = 'PasswordHashingBusy';
}

/** Makes a hasher. Share one per process: the bounds are its own. */
export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const cost = { memoryCost: options.memoryKib ?? 47_104, timeCost: options.passes ?? 2, parallelism: options.lanes ?? 1 };
  const { inTurn, load } = createTurnstile(options.maxConcurrent ?? 2, options.maxWaiting ?? 32);
  // Well formed and at today's cost; no password gives these bytes.
  const unmatchable = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$${phcBytes(16)}$${phcBytes(32)}`;
  return {
    hash: (password) => inTurn(() => hash(normalize(password), { type: argon2id, ...cost })),
    verify: (password, stored) =>
      inTurn(async () => {
        const matches = (await verify(stored ?? unmatchable, normalize(password))) && stored != null;
        return { matches, needsRehash: matches && needsRehash(stored, cost) };
      }),
    load,
  };
}

/** One password typed on two keyboards can be two strings of code points (NIST SP 800-63B §3.1.1.2). */
function normalize(password: string): string {
  return password.normalize('NFKC');
}

function phcBytes(length: number): string {
  return randomBytes(length).toString('base64').replaceAll('=', '');
}

/** Lets `maxConcurrent` through at a time and `maxWaiting` stand in line, first come first served. */
function createTurnstile(
  maxConcurrent: number,
  maxWaiting: number,
): { inTurn: <T>(work: () => Promise<T>) => Promise<T>; load: PasswordHasher['load'] } {
  const waiting: (() => void)[] = [];
  let running = 0;
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= maxConcurrent) {
      if (waiting.length >= maxWaiting) throw new PasswordHashingBusy('Too many passwords are being hashed.');
      await new Promise<void>((resolve) => waiting.push(resolve)); // whoever leaves hands over the place
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
  return { inTurn, load: () => ({ running, waiting: waiting.length }) };
}
