/**
 * One tool that one person allowed, and everything that happens around it: its server changes it, reports it and takes it away, an
 * administrator speaks of it, the policy is another one, time passes. Each event does to the state what the services do to the database.
 */
import fc from 'fast-check';
import {
  isWorseThanKnown,
  type KnownDefinition,
  type KnownTool,
  type SaidOfTool,
  stepTo,
  withComparisons,
  withOverride,
} from '../../../src/domain/catalogue-step.ts';
import { asShown, type Consent } from '../../../src/domain/consent.ts';
import { type EffectiveTools, effectiveTools } from '../../../src/domain/effective-tools.ts';
import type { ConsentId } from '../../../src/domain/ids.ts';
import { type Policy, type PolicyParties, peopleDecide, rulesFor } from '../../../src/domain/policy.ts';
import { type RiskProfile, risks } from '../../../src/domain/risk.ts';
import type { JsonObject, ToolDefinition } from '../../../src/domain/tool.ts';
import { now, ownTerms, partiesArbitrary, policyArbitrary } from './arbitraries.ts';

const properties = { to: { type: 'string' }, cc: { type: 'string' } };
const schema = (more: JsonObject = {}, required: string[] = ['to']): JsonObject => ({
  type: 'object',
  properties: { ...properties, ...more },
  required,
});
const inner = { type: 'object', properties: { y: {} } };

/** What the server may say of the tool; each is one step or several from any other. */
const definitions: readonly KnownDefinition[] = [
  {},
  { description: 'Sends a letter.' },
  { description: 'Sends  a mail. ' },
  { inputSchema: schema({}, ['to', 'cc']) },
  { inputSchema: schema({ x: inner }) },
  { inputSchema: schema({ x: { ...inner, required: ['y'] } }) },
  { inputSchema: schema({ cc: { type: 'string', 'x-mcp-header': 'Cc' } }) },
  { description: 'Sends a mail.\u200b' },
  { annotations: {} },
  { annotations: { readOnlyHint: true, openWorldHint: false } },
  { annotations: { destructiveHint: false, openWorldHint: false } },
].map((changes, index) => ({
  digest: `d${index}`,
  definition: {
    name: 'a',
    description: 'Sends a mail.',
    annotations: { destructiveHint: false, openWorldHint: false, idempotentHint: true },
    inputSchema: schema(),
    ...changes,
  } as ToolDefinition,
}));

/** What happens. */
export type Event =
  | { kind: 'read'; found: KnownDefinition | undefined }
  | { kind: 'report'; found: KnownDefinition }
  | { kind: 'override'; to: RiskProfile | null }
  | { kind: 'accept' }
  | { kind: 'policy'; to: Policy }
  | { kind: 'groups'; to: readonly string[] }
  | { kind: 'quarantine'; to: boolean }
  | { kind: 'pause'; to: boolean }
  | { kind: 'time'; seconds: number };

/** All that counts. */
export interface World {
  tool: KnownTool | undefined;
  versions: readonly KnownDefinition[];
  /** What an administrator said of it before the server took it away. */
  saidBefore?: SaidOfTool | undefined;
  /** What an administrator looked at last, by her own eyes: not what is remembered of it. */
  looked?: KnownTool;
  consent: Consent;
  policy: Policy;
  parties: PolicyParties;
  isInQuarantine: boolean;
  now: Date;
}

const definitionArbitrary = fc.constantFrom(...definitions);

const beginnings: fc.Arbitrary<World> = fc
  .record({
    shown: definitionArbitrary,
    own: ownTerms,
    parties: partiesArbitrary,
    minutes: fc.option(fc.constantFrom(10, 60, 120), { nil: undefined }),
    signedInAgo: fc.option(fc.constantFrom(0, 300, 3_600), { nil: undefined }),
  })
  .map(({ shown, own, parties, minutes, signedInAgo }) => {
    const { tool } = stepTo(shown, { position: 0, before: undefined, at: now, readAt: now });
    const consent: Consent = {
      id: 'cns_1' as ConsentId,
      version: 1,
      salt: 'salt',
      tools: [{ ...asShown(tool), ...own }],
      resources: false,
      prompts: false,
      decidedAt: now,
      ...(minutes !== undefined && { expiresAt: new Date(now.getTime() + minutes * 60_000) }),
      ...(signedInAgo !== undefined && { signedInAt: new Date(now.getTime() - signedInAgo * 1_000) }),
    };
    return deepFreeze({ tool, versions: [shown], consent, policy: peopleDecide, parties, isInQuarantine: false, now });
  });

/** A world in which the person has just allowed the tool as it was: one of many, as making one takes longer than what is done with it. */
export const worldArbitrary = fc.constantFrom(...fc.sample(beginnings, { numRuns: 1_000, seed: 1 }));

const policies = fc.sample(policyArbitrary, { numRuns: 300, seed: 1 });

const profiles = fc.record({ risk: fc.constantFrom(...risks), openWorld: fc.boolean() });

/** Events by their kinds. */
export const eventArbitraries = {
  read: fc.record({ kind: fc.constant('read' as const), found: fc.option(definitionArbitrary, { nil: undefined, freq: 5 }) }),
  report: fc.record({ kind: fc.constant('report' as const), found: definitionArbitrary }),
  override: fc.record({ kind: fc.constant('override' as const), to: fc.option<RiskProfile, null>(profiles, { nil: null }) }),
  accept: fc.constant({ kind: 'accept' as const }),
  policy: fc.record({ kind: fc.constant('policy' as const), to: fc.oneof(fc.constantFrom(...policies), fc.constant(peopleDecide)) }),
  groups: fc.record({ kind: fc.constant('groups' as const), to: fc.subarray(['engineering', 'sales']) }),
  quarantine: fc.record({ kind: fc.constant('quarantine' as const), to: fc.boolean() }),
  pause: fc.record({ kind: fc.constant('pause' as const), to: fc.boolean() }),
  time: fc.record({ kind: fc.constant('time' as const), seconds: fc.constantFrom(1, 59, 600, 3_600) }),
} satisfies Record<Event['kind'], fc.Arbitrary<Event>>;

/** The world after an event. Whatever happens, a moment passes. */
export function worldAfter(world: World, event: Event): World {
  const moment = { ...world, now: new Date(world.now.getTime() + 1) };
  return deepFreeze({ ...moment, ...changeBy(moment, event) });
}

function changeBy(world: World, event: Event): Partial<World> {
  const { tool } = world;
  switch (event.kind) {
    case 'read':
      return event.found ? read(world, event.found) : tool ? { tool: undefined, saidBefore: saidOf(tool) } : {};
    case 'report': {
      const { definition, digest } = event.found;
      const isDoubted = tool && !tool.isDoubted && tool.digest !== digest && isWorseThanKnown(definition, tool);
      return isDoubted ? { tool: { ...tool, doubtedAt: world.now, isDoubted } } : {};
    }
    case 'override':
      return tool ? { tool: withOverride(tool, event.to) } : {};
    case 'accept': {
      if (!tool || tool.isDoubted) return {};
      const looked = { ...tool, acceptedAt: world.now, isAccepted: true };
      return { tool: looked, looked };
    }
    case 'policy':
      return { policy: event.to };
    case 'groups':
      return { parties: { ...world.parties, groups: event.to } };
    case 'quarantine':
      return { isInQuarantine: event.to };
    case 'pause':
      return { consent: { ...world.consent, isPaused: event.to } };
    case 'time':
      return { now: new Date(world.now.getTime() + event.seconds * 1_000) };
  }
}

function read({ tool: before, saidBefore, versions, now: at }: World, found: KnownDefinition): Partial<World> {
  const step = stepTo(found, { position: 0, before, saidBefore, at, readAt: at });
  const isOther = step.change !== 'none' || step.isOtherRisk;
  if (!isOther) return { tool: step.tool };
  const isKnown = versions.some(({ digest }) => digest === found.digest);
  return { tool: withComparisons(step, versions), versions: isKnown ? versions : [...versions, found] };
}

function saidOf({ override, annotations }: KnownTool): SaidOfTool | undefined {
  return override && { override, annotations };
}

/** What a token would carry. */
export function refresh({ tool, consent, policy, parties, isInQuarantine, now: at }: World): EffectiveTools {
  const rules = rulesFor(policy, parties);
  return effectiveTools(consent, tool ? [tool] : [], { now: at, marginSeconds: 60, isInQuarantine, rules });
}

/** Whoever changes what she was given is found out. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
