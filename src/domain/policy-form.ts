/**
 * How rules are written: in files that administrators keep, and in the store. Each problem is a clause that follows the place it is at.
 * Descriptions and examples become docs/policy-reference.md.
 */
import { z } from 'zod';
import { distinct, whateverElse } from './distinct-entries.ts';
import { parseDuration, spellDuration } from './duration.ts';
import { hostList } from './host-patterns.ts';
import { isDocumentUrl, parseDocumentUrl } from './metadata-document.ts';
import { type ClientSelector, everyone, type Policy, type PolicyRule, type ToolSelector } from './policy.ts';
import { risks } from './risk.ts';
import { parseServerPattern } from './server-pattern.ts';

/** The most rules of a policy, and the most entries of a list in a rule. */
const most = { rules: 1_000, entries: 500 } as const;

/** The longest that can be said of time. */
const longest = { forAtMost: 3_650 * 86_400, signedInWithin: 30 * 86_400 } as const;

function text(fits: (value: string) => boolean, problem: string): z.ZodType<string, string> {
  return z.string(problem).refine(fits, problem);
}

function duration(max: number): z.ZodType<number, string> {
  const problem = `is no duration from 1m to ${spellDuration(max)}: a number and m, h or d, such as 15m, 8h or 30d`;
  return z.string(problem).transform((written, context) => {
    const seconds = parseDuration(written);
    if (seconds !== undefined && seconds >= 60 && seconds <= max) return seconds;
    context.addIssue({ code: 'custom', message: problem });
    return z.NEVER;
  });
}

function list<Entry extends z.ZodType>(entry: Entry) {
  return z
    .array(entry, 'is no list')
    .min(1, 'is empty: leave it out to set no condition, or name what it is for')
    .max(most.entries, `has more than ${most.entries} entries`);
}

const onlyTrue = (what: string) => z.literal(true, `can only be true: leave it out where the rule is not about ${what}`);

/** A name for rules and groups: one line, letters and digits with some signs between them. */
export function isPlainName(name: string): boolean {
  return name.normalize('NFC') === name && /^[\p{L}\p{N}](?:[\p{L}\p{N} ._@+-]{0,98}[\p{L}\p{N}])?$/u.test(name);
}

const plainName = 'is no name: 1 to 100 letters and digits, with spaces and . _ @ + - between them';

/** The name of a group. */
export const groupName = z.string(plainName).refine(isPlainName, plainName).describe('What rules call it. It never changes.');

const isPattern = (value: string) => value !== '' && value.length <= 1_024 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(value);

const toolPattern = 'is no name of a tool: write it as the server does, with * for any characters';
const noHost =
  'is no host: claude.ai, or *.example.com for all names below one; without a scheme or port, names of other alphabets in their xn-- form';

/** In the form that is compared: what only looks like it would fit nothing, and a rule that denies would deny nothing. */
const serverPattern = z.string('is no URL of a server').transform((written, context) => {
  const read = parseServerPattern(written);
  if ('pattern' in read) return read.pattern;
  context.addIssue({ code: 'custom', message: read.problem });
  return z.NEVER;
});

const hostPattern = z.string(noHost).transform((written, context) => {
  const read = written.includes(',') || written === 'none' ? undefined : hostList.read(written);
  const [host] = read && 'value' in read ? read.value : [];
  if (host !== undefined) return host;
  context.addIssue({ code: 'custom', message: noHost });
  return z.NEVER;
});

/** Ids are compared to the letter, and those that are a URL have one spelling. */
const clientId = text(isPattern, 'is no client id').superRefine((written, context) => {
  const read = isDocumentUrl(written) ? parseDocumentUrl(written) : undefined;
  if (!read || !('problem' in read)) return;
  const right = read.problem === 'not-canonical' ? ` (${new URL(written).href})` : '';
  context.addIssue({ code: 'custom', message: `is no URL of a metadata document as clients send it: write it as they do${right}` });
});

const clientSelector = z
  .strictObject(
    {
      id: clientId.optional().describe('Its client id; for a metadata document, the URL of it.'),
      host: hostPattern
        .optional()
        .describe(
          'The host that stands behind it: where its metadata document is, or where all its answers go. `*.example.com`: all below one.',
        ),
      kind: z
        .enum(['manual', 'dynamic', 'document', 'api-key'], 'is none of manual, dynamic, document, api-key')
        .optional()
        .describe(
          'How it came to be: made by an administrator, registered by itself, or a metadata document; `api-key`: the API keys that people make.',
        ),
      verified: z.boolean('is neither true nor false').optional().describe('Whether an administrator made or checked it.'),
    },
    'is neither a client id nor a description such as {host: claude.ai} or {verified: true}',
  )
  .refine((selector) => Object.keys(selector).length > 0, 'says nothing: give id, host, kind or verified');

const toolSelector = z
  .strictObject(
    {
      name: text(isPattern, toolPattern).optional().describe('Its name, with `*` for any characters.'),
      risk: z
        .enum(risks as [string, ...string[]], 'is none of read, write, destructive')
        .optional()
        .describe('What it may do at worst.'),
      'open-world': z.boolean('is neither true nor false').optional().describe('Whether it reaches beyond its server.'),
    },
    'is neither the name of a tool nor a description such as {risk: read}',
  )
  .refine((selector) => Object.keys(selector).length > 0, 'says nothing: give name, risk or open-world');

/** A rule, as it is written. */
export const ruleForm = z
  .strictObject(
    {
      name: text(isPlainName, plainName).describe('Names the rule wherever it is the reason of something. Unique.'),
      effect: z
        .enum(['allow', 'deny'], 'is neither allow nor deny')
        .describe('Whether people may allow what the rule is about, or may not.'),
      groups: list(z.string(plainName).refine(isPlainName, plainName))
        .optional()
        .describe('The groups it is for; `everyone` is everybody. Left out: everyone.'),
      servers: list(serverPattern).optional().describe('The servers it is about, by URL; `*` stands for any characters. Left out: all.'),
      clients: list(z.union([clientId, clientSelector], 'is neither a client id nor a description such as {host: claude.ai}'))
        .optional()
        .describe('The clients (agents) it is about: ids, or descriptions of which all that is given must hold. Left out: all.'),
      tools: list(
        z.union([text(isPattern, toolPattern), toolSelector], 'is neither the name of a tool nor a description such as {risk: read}'),
      )
        .optional()
        .describe(
          'The tools it is about: names, or descriptions of which all that is given must hold. Left out: all that a server has, unless `resources` or `prompts` is given.',
        ),
      resources: onlyTrue('resources').optional().describe('Resources as well.'),
      prompts: onlyTrue('prompts').optional().describe('Prompts as well.'),
      'for-at-most': duration(longest.forAtMost)
        .optional()
        .describe('Of a rule that allows: for how long at most, from the decision of the person; such as `8h` or `30d`.'),
      'signed-in-within': duration(longest.signedInWithin)
        .optional()
        .describe(
          'Of a rule that allows: how long before the decision the person may have signed in at most; such as `15m`. API keys never satisfy it.',
        ),
    },
    'is no rule',
  )
  .superRefine((rule, context) => {
    if (rule?.effect !== 'deny') return;
    for (const limit of ['for-at-most', 'signed-in-within'] as const) {
      if (rule[limit] !== undefined)
        context.addIssue({ code: 'custom', path: [limit], message: 'means nothing in a rule that denies: leave it out' });
    }
  }, whateverElse);

/** All rules, as they are written. */
export const policyForm = z
  .array(ruleForm, 'is no list of rules')
  .max(most.rules, `has more than ${most.rules} rules`)
  .superRefine(distinct({ member: 'name', message: 'is the name of another rule before: give it one of its own' }), whateverElse);

/** A rule as it is written. */
export type WrittenRule = z.input<typeof ruleForm>;

/** What was read, as the domain has it. */
export function toPolicy(rules: z.output<typeof policyForm>): Policy {
  return { rules: rules.map(toRule) };
}

function toRule(read: z.output<typeof ruleForm>): PolicyRule {
  const { clients, tools, groups, 'for-at-most': forAtMostSeconds, 'signed-in-within': signedInWithinSeconds, ...same } = read;
  return defined({
    ...same,
    // Everyone beside others is everyone.
    groups: groups?.includes(everyone) ? undefined : groups,
    clients: clients?.map((client): ClientSelector => (typeof client === 'string' ? { id: client } : defined(client))),
    tools: tools?.map((tool): ToolSelector => {
      if (typeof tool === 'string') return { name: tool };
      const { 'open-world': openWorld, ...rest } = tool;
      return defined({ ...rest, openWorld }) as ToolSelector;
    }),
    forAtMostSeconds,
    signedInWithinSeconds,
  });
}

/** Writes rules down: shortest form, always the same for the same rules. */
export function spellPolicy({ rules }: Policy): WrittenRule[] {
  return rules.map(({ name, effect, groups, servers, clients, tools, resources, prompts, forAtMostSeconds, signedInWithinSeconds }) =>
    defined({
      name,
      effect,
      groups: groups && [...groups],
      servers: servers && [...servers],
      clients: clients?.map((client) => (isOnly(client, 'id') ? (client.id as string) : defined({ ...client }))),
      tools: tools?.map(({ openWorld, ...tool }) => {
        const whole = defined({ ...tool, 'open-world': openWorld });
        return isOnly(whole, 'name') ? (tool.name as string) : whole;
      }),
      resources: resources as true | undefined,
      prompts: prompts as true | undefined,
      'for-at-most': forAtMostSeconds === undefined ? undefined : spellDuration(forAtMostSeconds),
      'signed-in-within': signedInWithinSeconds === undefined ? undefined : spellDuration(signedInWithinSeconds),
    }),
  );
}

function isOnly(shape: object, key: string): boolean {
  const keys = Object.keys(shape);
  return keys.length === 1 && keys[0] === key;
}

function defined<Shape extends object>(shape: Shape): { [Key in keyof Shape]: Exclude<Shape[Key], undefined> } {
  return Object.fromEntries(Object.entries(shape).filter(([, value]) => value !== undefined)) as never;
}

/**
 * Reads stored rules, whatever they hold: an issuer must not stop over them. What this version cannot read (one of a newer version,
 * say) is `undefined`; whoever asks then lets nothing be allowed.
 */
export function readStoredRules(stored: unknown): Policy | undefined {
  const read = policyForm.safeParse(stored);
  return read.success ? toPolicy(read.data) : undefined;
}
