/** Our plain words for what a tool may do. They are ours alone: nothing a server says about itself gets into them. */
import type { Risk, RiskProfile } from '../../domain/risk.ts';
import type { Assumptions } from '../../domain/tool.ts';

/** How a group of tools is headed. */
export interface RiskWords {
  /** Names the group: a verb, because it says what the agent could do. */
  title: string;
  /** What that means, in one sentence. */
  meaning: string;
}

/** The three groups. */
export const riskWords: Readonly<Record<Risk, RiskWords>> = {
  read: { title: 'Read', meaning: 'Looks things up. Changes nothing.' },
  write: { title: 'Change', meaning: 'Adds or edits things. Meant to be correctable.' },
  destructive: { title: 'Delete or overwrite', meaning: 'May destroy things for good.' },
};

/** What is said of one tool. `isUnclaimed`: the server says nothing of its risk, so the worst is assumed. */
export function toolWords({ risk, openWorld }: RiskProfile, isUnclaimed: boolean): string {
  if (isUnclaimed)
    return 'The server does not say what this can do, so we treat it as the worst: it may destroy things, and reach other people or services.';
  return openWorld ? outside[risk] : inside[risk];
}

/** Whose word a tool's risk is. */
export interface RiskSource {
  by: 'server' | 'server-in-part' | 'administrator' | 'nobody';
  /** What the server claims, where an administrator says otherwise. */
  claim?: RiskProfile;
  /** What the server leaves open. */
  assumed?: Assumptions;
}

/** Says so, where `toolWords` do not: a claim is worth as much as the server that makes it. */
export function sourceWords({ by, claim, assumed }: RiskSource): string | undefined {
  if (by === 'nobody') return undefined;
  if (by === 'server') return 'Rated by the server itself.';
  if (assumed) return assumedWords(assumed);
  return claim ? `Rated by whoever runs this site; the server itself says: ${claimWords(claim)}.` : 'Rated by whoever runs this site.';
}

function assumedWords({ harm, reach }: Assumptions): string {
  if (harm && reach) return 'That it could destroy and reach outside is our assumption.';
  if (harm) return 'That it could destroy is our assumption.';
  return 'That it reaches outside is our assumption.';
}

function claimWords({ risk, openWorld }: RiskProfile): string {
  const { title } = riskWords[risk];
  return `“${title}”, ${openWorld ? 'and reaches outside' : 'and stays inside'}`;
}

const inside: Readonly<Record<Risk, string>> = {
  read: 'Only looks things up on this server.',
  write: 'Adds or edits things on this server.',
  destructive: 'May delete or overwrite things on this server for good.',
};

const outside: Readonly<Record<Risk, string>> = {
  read: 'Only looks things up, but asks places outside this server: what it sends there leaves your hands.',
  write: 'Adds or edits things outside this server too, where other people may see them at once.',
  destructive: 'May delete, overwrite or send things for good, outside this server too.',
};
