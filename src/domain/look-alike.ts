/** Clients that look like others: by their name, by the hosts they answer at. Pure, and bounded in time for whatever strangers write. */
import { domainToUnicode } from 'node:url';
import { maxClientNameCharacters } from './client-metadata.ts';
import { isOneEditApart } from './edit-distance.ts';
import type { KnownClient } from './known-clients.ts';
import { skeletonOf } from './skeleton.ts';

/** One way in which a client looks like another, or like what it is not. */
export type LookAlike =
  /** Its name is that of a known client to the eye, written with other characters. */
  | { kind: 'confusable-name'; known: string }
  /** Its name is a known client's, and `host`, where its answers go or its document is, is not. */
  | { kind: 'name-from-elsewhere'; known: string; knownHost?: string; host: string }
  /** A host of its looks like a known client's, and is another. `host` is in the form that computers see. */
  | { kind: 'host-looks-like'; known: string; knownHost: string; host: string }
  /** A word of its name has letters of alphabets that are confused with each other. */
  | { kind: 'mixed-alphabets'; word: string };

/** What a client says of itself. */
export interface LookedAtClient {
  name: string | undefined;
  /** Web hosts where its answers go, and the one that publishes its document. */
  hosts: readonly string[];
}

/** Makes the function that compares clients with known ones. One of those that is looked at itself must not be among them. */
export function createLookAlikeFinder(known: readonly KnownClient[]): (client: LookedAtClient) => LookAlike[] {
  const names = known.flatMap(namesOf);
  const allHosts = known.flatMap(({ hosts }) => hosts);
  return ({ name = '', hosts: given }) => {
    const hosts = [...new Set(given.map(withoutPort))];
    return [
      ...findNames(name.slice(0, maxClientNameCharacters), { names, hosts }),
      ...hosts.flatMap((host) => (isOneOf(host, allHosts) ? [] : (findHost(host, known) ?? []))),
      ...mixedWords(name.slice(0, maxClientNameCharacters)).map((word): LookAlike => ({ kind: 'mixed-alphabets', word })),
    ];
  };
}

interface KnownName {
  client: KnownClient;
  plain: string;
  forms: ReadonlySet<string>;
}

/** The names of clients that were compared with others before; the well-known ones are always the same. */
const namesOfClients = new WeakMap<KnownClient, readonly KnownName[]>();

function namesOf(client: KnownClient): readonly KnownName[] {
  const made = namesOfClients.get(client) ?? client.names.map((name) => ({ client, plain: plainForm(name), forms: seenForms(name) }));
  namesOfClients.set(client, made);
  return made;
}

function findNames(name: string, { names, hosts }: { names: readonly KnownName[]; hosts: readonly string[] }): LookAlike[] {
  const [plain, forms] = [plainForm(name), seenForms(name)];
  const meant = names.filter((known) => [...forms].some((form) => [...known.forms].some((other) => isName(form, other, known.client))));
  const isPlain = meant.some((known) => isName(plain, known.plain, known.client));
  const clients = [...new Set(meant.map(({ client }) => client))];
  const [first] = clients;
  if (!first) return [];
  // A name that several go by is the true one's if it is one of theirs.
  const strange = clients.some((client) => hosts.every((host) => isOneOf(host, client.hosts)))
    ? undefined
    : hosts.find((host) => !isOneOf(host, first.hosts));
  const [knownHost] = first.hosts;
  return [
    ...(isPlain ? [] : [{ kind: 'confusable-name', known: first.name } as const]),
    ...(strange === undefined
      ? []
      : [{ kind: 'name-from-elsewhere', known: first.name, host: strange, ...(knownHost !== undefined && { knownHost }) } as const]),
  ];
}

/** Equal word for word, spaces or not; of a distinctive name the beginning is enough. */
function isName(form: string, known: string, { isDistinctive }: KnownClient): boolean {
  return form === known || form.replaceAll(' ', '') === known.replaceAll(' ', '') || (isDistinctive && form.startsWith(`${known} `));
}

/** The words of a name, as they are written; what is hidden in them counts. */
function plainForm(name: string): string {
  return wordsOf(name.toLowerCase());
}

/**
 * The words of a name, as they are seen. Small letters look like others than capital ones do; what has a compatible character may look
 * like another one; and a stroke beside a word is a letter or is none.
 */
function seenForms(name: string): ReadonlySet<string> {
  const bare = name.replace(/[\u2122\u2120]/g, ' ');
  const texts = [bare, bare.toLowerCase(), wordsOf(bare)].flatMap((text) => [text, text.normalize('NFKC')]);
  return new Set(texts.map((text) => wordsOf(seen(text))));
}

/** What is left of a text for the eye that passes over accents, strokes and rings. */
function seen(text: string): string {
  return skeletonOf(text).replace(/\p{M}/gu, '').toLowerCase();
}

function wordsOf(text: string): string {
  return text.replace(/[^\p{L}\p{M}\p{N}\p{Default_Ignorable_Code_Point}]+/gu, ' ').trim();
}

function findHost(host: string, known: readonly KnownClient[]): LookAlike | undefined {
  const eyed = seen(domainToUnicode(host) || host);
  for (const client of known) {
    for (const knownHost of client.hosts) {
      if (looksLikeHost({ host, seen: eyed }, knownHost, client)) return { kind: 'host-looks-like', known: client.name, knownHost, host };
    }
  }
  return undefined;
}

/** The shortest label that is compared by its spelling: shorter ones are a letter apart from too many others. */
const minimumSpelledCharacters = 5;

function looksLikeHost({ host, seen }: { host: string; seen: string }, knownHost: string, { isDistinctive }: KnownClient): boolean {
  const knownSeen = skeletonOf(knownHost).toLowerCase();
  if (seen === knownSeen || seen.endsWith(`.${knownSeen}`)) return true;
  // claude-ai.example, claude.ai.example, login-claude-ai.example, claudeai.example
  const [tokens, knownTokens] = [seen.split(/[.-]/), knownSeen.split(/[.-]/)];
  if (`.${tokens.join('.')}.`.includes(`.${knownTokens.join('.')}.`)) return true;
  if (seen.split('.').some((label) => label.replaceAll('-', '') === knownTokens.join(''))) return true;
  // claud.ai, cluade.example, claude.example, c-l-a-u-d-e.example
  const [ending, spelled = ''] = host.split('.').toReversed();
  const [knownEnding, knownLabel = ''] = knownHost.split('.').toReversed();
  if (knownLabel.length < minimumSpelledCharacters) return false;
  const label = spelled.replaceAll('-', '');
  const isNear = label === knownLabel || isOneEditApart(label, knownLabel);
  return isNear && (isDistinctive || (ending === knownEnding && spelled !== knownLabel));
}

function isOneOf(host: string, hosts: readonly string[]): boolean {
  return hosts.some((one) => host === one || host.endsWith(`.${one}`));
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

/** Alphabets whose letters are taken for those of Latin; Han, Kana, Hangul and the like are not, and stand beside Latin everywhere. */
const confusedWithLatin = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}]/u;

function mixedWords(name: string): string[] {
  const words = name.match(/[\p{L}\p{M}]+/gu) ?? [];
  return words.filter((word) => /\p{Script=Latin}/u.test(word) && confusedWithLatin.test(word));
}
