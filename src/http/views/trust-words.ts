/** Our plain words for how far an agent can be trusted. */
import type { ClientTrust } from '../../domain/client-trust.ts';
import type { LookAlike } from '../../domain/look-alike.ts';
import type { Quarantine } from '../../domain/quarantine.ts';
import type { ClientFacts } from '../../services/describe-client.ts';
import { inWords } from './instants.ts';
import { readableText } from './untrusted-text.ts';

/** Who stands for the name; undefined: nobody. */
export function voucherWords({ voucher }: ClientTrust, now: Date): string | undefined {
  if (!voucher) return undefined;
  if (voucher.by === 'publisher') return `published by ${voucher.host}`;
  return voucher.how === 'made' ? 'set up by whoever runs this site' : `checked by whoever runs this site, ${inWords(voucher.at, now)}`;
}

/** Where its description is, and why that host does not stand for the name in this request; undefined where it does, or there is none. */
export function publisherWords({ publisher, voucher, answer }: ClientTrust): string | undefined {
  if (publisher === undefined || voucher?.by === 'publisher') return undefined;
  const described = `Its description is at ${publisher}`;
  switch (answer?.kind) {
    case 'web':
      return `${described}, but your answer goes to ${answer.host}: neither vouches for the other.`;
    case 'loopback':
      return `${described}, but any program on this computer can use that description.`;
    case 'app':
      return `${described}, but any app on this device can use that description.`;
    default:
      return `${described}.`;
  }
}

/** How many people are counted; beyond that it is "more than". */
const maxPeople = 100;

/** What was seen first while its person was on her way here. */
const justNowMs = 10 * 60_000;

/** What is known of it here, in sentences. */
export function knownWords({ firstSeenAt, people, knownSinceAt }: Omit<ClientFacts, 'trust' | 'lookAlikes'>, now: Date): string[] {
  const you = knownSinceAt ? `You used it before, first on ${inWords(knownSinceAt, now)}.` : 'You have not used it before.';
  const isNew = now.getTime() - firstSeenAt.getTime() < justNowMs;
  return [isNew ? 'First seen just now.' : `First seen on ${inWords(firstSeenAt, now)}.`, peopleWords(people), you];
}

function peopleWords({ count, isMore }: ClientFacts['people']): string {
  if (count > maxPeople) return `More than ${maxPeople} people here use it.`;
  if (isMore) return `At least ${count} people here use it.`;
  if (count === 0) return 'Nobody here uses it now.';
  return count === 1 ? '1 person here uses it.' : `${count} people here use it.`;
}

/** Which warning stands first. */
const severity: Readonly<Record<LookAlike['kind'], number>> = {
  'confusable-name': 0,
  'name-from-elsewhere': 1,
  'host-looks-like': 2,
  'mixed-alphabets': 3,
};

/** What it looks like and is not, the worst first; what another warning says already is left out. */
export function warningWords(found: readonly LookAlike[]): string[] {
  const has = (kind: LookAlike['kind']) => found.some((one) => one.kind === kind);
  const isSaid = ({ kind }: LookAlike) =>
    (kind === 'host-looks-like' && has('name-from-elsewhere')) || (kind === 'mixed-alphabets' && has('confusable-name'));
  return found
    .filter((one) => !isSaid(one))
    .sort((a, b) => severity[a.kind] - severity[b.kind])
    .map(oneWarning);
}

function oneWarning(found: LookAlike): string {
  switch (found.kind) {
    case 'confusable-name':
      return `Its name is made to look like “${short(found.known)}”: some of its characters are others.`;
    case 'name-from-elsewhere': {
      const whose = found.knownHost === undefined ? short(found.known) : `${short(found.known)}, which is at ${short(found.knownHost)}`;
      return `It uses the name of ${whose}. This one is at ${short(found.host)}.`;
    }
    case 'host-looks-like':
      return `${short(found.host)} looks like ${short(found.knownHost)}, which belongs to ${short(found.known)}. It is another address.`;
    case 'mixed-alphabets':
      return `The word “${short(found.word)}” in its name mixes letters of alphabets that look alike.`;
    default:
      return found satisfies never;
  }
}

/** Names and hosts are strangers' words too. */
function short(text: string): string {
  return readableText(text, 80);
}

/** Why some tools cannot be ticked; `waits`: something that was allowed cannot be used now. */
export function quarantineWords({ by, endsAt }: Quarantine, { now, waits }: { now: Date; waits: boolean }): string {
  // New here, or another one than it was: either way nobody has looked at what it is now.
  const why = by === 'setting' ? 'Nobody has checked this agent yet' : 'This agent is to be looked at first';
  const until = `until whoever runs this site has done so${endsAt ? `, or until ${inWords(endsAt, now)}` : ''}`;
  return `${why}: it may only read for now, ${until}.${waits ? ' What you allowed it beyond that waits.' : ''}`;
}
