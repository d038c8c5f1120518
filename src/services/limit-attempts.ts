/** How often somebody may try: to sign in, to register a client, to use a link. Counters lie in the database, so all instances count together. */
import { parseEmail } from '../domain/email-address.ts';
import type { ServerId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { RateCounters, RateLimit } from '../store/rate-limits.ts';
import type { Tenant } from './runtime.ts';

interface SignInLimit extends RateLimit {
  /** Whether tries of several people, or from several places, meet in it. */
  isShared: boolean;
}

/** Failures for one account from one address group. */
const accountHere: SignInLimit = { name: 'sign-in-account-address', points: 10, seconds: 15 * 60, isShared: false };

/** Failures for one account from anywhere. A browser that has signed in to it before is not held up by this one. */
const accountAnywhere: SignInLimit = { name: 'sign-in-account', points: 50, seconds: 60 * 60, isShared: true };

/** Failures for one account from one browser that has signed in to it before. */
const accountKnownBrowser: SignInLimit = { name: 'sign-in-known-browser', points: 10, seconds: 15 * 60, isShared: false };

/** Failures from one address group, whatever the account. */
const signInAddress: SignInLimit = { name: 'sign-in-address', points: 100, seconds: 60 * 60, isShared: true };

/** Clients registered from one address group. Each MCP client registers once per server; an office may share an address. */
const registrationAddress: RateLimit = { name: 'register-address', points: 60, seconds: 60 * 60 };

/** One-time links tried from one address group. */
const linkAddress: RateLimit = { name: 'link-address', points: 30, seconds: 15 * 60 };

/** Reported calls of one server. Each is an event, so that a server without a limit, or whoever has its credential, could fill the database. */
const serverReports: RateLimit = { name: 'server-reports', points: 300_000, seconds: 60 };

/** Tool lists of one server. Its processes send what they see once each, and then what changes. */
const serverToolLists: RateLimit = { name: 'server-tools', points: 60, seconds: 60 };

/** A try at signing in. */
export interface SignInAttempt {
  /** As typed; unknown ones are counted alike, so that limits tell nobody which accounts exist. */
  email: string;
  /** Groups addresses that belong to one caller. */
  addressGroup: string;
  /** Names a browser that has signed in to this account before; absent for all others. */
  knownBrowser?: string;
}

/** Whether a try may go on. */
export type Admission = { isAdmitted: true } | { isAdmitted: false; retryAfterSeconds: number };

/** Limits on tries. Each `admit…` counts the try before it is made, so that parallel ones cannot slip through together. */
export interface AttemptLimits {
  admitSignIn(tenant: Tenant, attempt: SignInAttempt): Promise<Admission>;
  /** Takes a try back that turned out right. */
  forgiveSignIn(tenant: Tenant, attempt: SignInAttempt): Promise<void>;
  admitRegistration(tenant: Tenant, addressGroup: string): Promise<Admission>;
  admitLink(tenant: Tenant, addressGroup: string): Promise<Admission>;
  /** `count`: how many reports come at once. */
  admitReports(tenant: Tenant, serverId: ServerId, count: number): Promise<Admission>;
  admitToolLists(tenant: Tenant, serverId: ServerId): Promise<Admission>;
}

/** Makes the limits. */
export function createAttemptLimits(counters: RateCounters): AttemptLimits {
  const admit = async (keys: readonly { limit: RateLimit; key: string }[]): Promise<Admission> => {
    for (const { limit, key } of keys) {
      const { isWithin, secondsLeft } = await counters.take(limit, key);
      if (!isWithin) return { isAdmitted: false, retryAfterSeconds: secondsLeft };
    }
    return { isAdmitted: true };
  };
  return {
    admitSignIn: (tenant, attempt) => admit(signInKeys(tenant, attempt)),
    forgiveSignIn: async (tenant, attempt) => {
      // Limits that many share get one try back; those of this account and this place start anew.
      const forgive = ({ limit, key }: CountedKey) => (limit.isShared ? counters.giveBack(limit, key) : counters.clear(limit, key));
      await Promise.all(signInKeys(tenant, attempt).map(forgive));
    },
    admitRegistration: (tenant, addressGroup) => admit([{ limit: registrationAddress, key: keyOf(tenant, addressGroup) }]),
    admitLink: (tenant, addressGroup) => admit([{ limit: linkAddress, key: keyOf(tenant, addressGroup) }]),
    admitToolLists: (tenant, serverId) => admit([{ limit: serverToolLists, key: keyOf(tenant, serverId) }]),
    admitReports: async (tenant, serverId, count) => {
      const { isWithin, secondsLeft } = await counters.take(serverReports, keyOf(tenant, serverId), count);
      return isWithin ? { isAdmitted: true } : { isAdmitted: false, retryAfterSeconds: secondsLeft };
    },
  };
}

/** Lets everything through; for benchmarks, and only where the issuer is on loopback. */
export const noAttemptLimits: AttemptLimits = {
  admitSignIn: async () => ({ isAdmitted: true }),
  forgiveSignIn: async () => undefined,
  admitRegistration: async () => ({ isAdmitted: true }),
  admitLink: async () => ({ isAdmitted: true }),
  admitReports: async () => ({ isAdmitted: true }),
  admitToolLists: async () => ({ isAdmitted: true }),
};

interface CountedKey {
  limit: SignInLimit;
  key: string;
}

/**
 * The narrowest first, and the one that locks a person out everywhere last: a try that one refuses is not counted in those after
 * it, so that no single place can use up what others share. A browser known to the account has counters of its own: whoever
 * guesses elsewhere can neither use nor exhaust them.
 */
function signInKeys(tenant: Tenant, { email, addressGroup, knownBrowser }: SignInAttempt): CountedKey[] {
  // Spellings that open the same account are one account here too.
  const account = parseEmail(email) ?? email.trim().toLowerCase();
  if (knownBrowser !== undefined) return [{ limit: accountKnownBrowser, key: keyOf(tenant, account, knownBrowser) }];
  return [
    { limit: accountHere, key: keyOf(tenant, account, addressGroup) },
    { limit: signInAddress, key: keyOf(tenant, addressGroup) },
    { limit: accountAnywhere, key: keyOf(tenant, account) },
  ];
}

/** Short whatever is typed, and no list of addresses and emails. */
function keyOf(tenant: Tenant, ...parts: string[]): string {
  return `${tenant.id}:${sha256(JSON.stringify(parts))}`;
}

/** The same limits; what they refuse is counted. */
export function countRefusals(limits: AttemptLimits, { countLimited }: Pick<Metrics, 'countLimited'>): AttemptLimits {
  const counted = (limit: Parameters<Metrics['countLimited']>[0], admission: Admission): Admission => {
    if (!admission.isAdmitted) countLimited(limit);
    return admission;
  };
  return {
    ...limits,
    admitSignIn: async (tenant, attempt) => counted('sign-in', await limits.admitSignIn(tenant, attempt)),
    admitRegistration: async (tenant, group) => counted('registration', await limits.admitRegistration(tenant, group)),
    admitLink: async (tenant, group) => counted('link', await limits.admitLink(tenant, group)),
    admitReports: async (tenant, serverId, count) => counted('reports', await limits.admitReports(tenant, serverId, count)),
    admitToolLists: async (tenant, serverId) => counted('reports', await limits.admitToolLists(tenant, serverId)),
  };
}
