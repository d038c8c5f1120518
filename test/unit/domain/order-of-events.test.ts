import { describe, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { type PolicyRule, rulesFor } from '../../../src/domain/policy.ts';
import { isRiskier, type RiskProfile } from '../../../src/domain/risk.ts';
import { traitsBeyondRisk } from '../../../src/domain/tool-change.ts';
import { runs } from './arbitraries.ts';
import { type Event, eventArbitraries, refresh, type World, worldAfter, worldArbitrary } from './event-model.ts';
import { expectEqual } from './expect-equal.ts';

const { read, report, override, accept, policy, groups, quarantine, pause, time } = eventArbitraries;
const happened = (start: World, events: readonly Event[]) => events.reduce<World>((world, event) => worldAfter(world, event), start);
const allows = (world: World) => refresh(world).allowed.length > 0;

/** What the person was shown, and what counted then. */
const shownIn = ({ consent: { tools }, versions: [first] }: World) => ({ ...first!.definition, ...tools[0]! });

/** Whether a definition, as it counts now, is one that somebody looked at, or no worse: said without what the catalogue remembers of it. */
function wasLookedAt({ tool, looked, ...world }: World): boolean {
  if (!tool) return false;
  const seen = [shownIn({ tool, ...world }), ...(looked ? [looked] : [])];
  return seen.some((one) => !isRiskier(tool, one) && traitsBeyondRisk(one, tool).length === 0);
}

/** Whether the rules let the tool be used: said in the plainest way, condition by condition. */
function isWithinRules({ tool, consent, policy: inForce, parties, now }: World): boolean {
  const [shown] = consent.tools;
  if (!shown || !tool) return false;
  const { allowing, denying } = rulesFor(inForce, parties);
  const { decidedAt, signedInAt } = shown.decidedAt ? shown : consent;
  const covers = ({ tools, resources, prompts }: PolicyRule, { risk, openWorld }: RiskProfile) =>
    (tools === undefined && resources === undefined && prompts === undefined) ||
    (tools ?? []).some(
      (one) =>
        (one.name === undefined || new RegExp(`^${one.name.replaceAll('*', '.*')}$`).test('a')) &&
        (one.risk ?? risk) === risk &&
        (one.openWorld ?? openWorld) === openWorld,
    );
  const holds = ({ forAtMostSeconds: most, signedInWithinSeconds: within }: PolicyRule) =>
    (most === undefined || decidedAt!.getTime() + (most - 60) * 1_000 > now.getTime()) &&
    (within === undefined || (signedInAt !== undefined && decidedAt!.getTime() - signedInAt.getTime() <= within * 1_000));
  const may = (profile: RiskProfile) =>
    !denying.some((rule) => covers(rule, profile)) && allowing.some((rule) => covers(rule, profile) && holds(rule));
  return may(shown) && (!isRiskier(tool, shown) || may(tool));
}

/** Whether nothing else keeps it from being used. */
function isStanding({ tool, consent, isInQuarantine, now }: World): boolean {
  const [shown] = consent.tools;
  const ends = [consent.expiresAt, shown?.expiresAt].filter((end) => end !== undefined);
  const isHeld = isInQuarantine && (shown?.risk !== 'read' || tool?.risk !== 'read');
  return !consent.isPaused && !tool?.isDoubted && !isHeld && ends.every((end) => end.getTime() - 60_000 > now.getTime());
}

/** Whole stories, ten thousand of them: seconds, and on a machine that does other things at the same time more than a minute. */
jest.setTimeout(600_000);

const anything = fc.oneof(...Object.values(eventArbitraries)) as fc.Arbitrary<Event>;

describe('whatever happens, in whatever order', () => {
  it('a tool is allowed only as somebody looked at it, or milder, within the rules of now, before every end', () => {
    fc.assert(
      fc.property(worldArbitrary, fc.array(anything, { maxLength: 6 }), (start, events) => {
        let world = start;
        for (const event of [undefined, ...events]) {
          if (event) world = worldAfter(world, event);
          if (!allows(world)) continue;
          expectEqual([wasLookedAt(world), isWithinRules(world), isStanding(world)], [true, true, true]);
        }
      }),
      runs,
    );
  });

  it('and it is allowed where all of that holds and nobody spoke for everybody', () => {
    const byTheServer = fc.oneof(read, policy, groups, quarantine, pause, time);
    fc.assert(
      fc.property(worldArbitrary, fc.array(byTheServer, { maxLength: 4 }), (start, events) => {
        const world = happened(start, events);
        expectEqual(allows(world), wasLookedAt(world) && isWithinRules(world) && isStanding(world));
      }),
      runs,
    );
  });

  it('what changes and changes back has changed nothing, but that time has passed', () => {
    const detours = fc.array(fc.oneof(read, report, policy, groups, quarantine, pause, time), { maxLength: 4 });
    const beginnings = fc.array(fc.oneof(read, override, accept, policy, groups, quarantine), { maxLength: 3 });
    fc.assert(
      fc.property(worldArbitrary, beginnings, detours, (start, beginning, detour) => {
        const world = happened(start, beginning);
        const back: Event[] = [
          { kind: 'read', found: world.tool && { definition: world.tool, digest: world.tool.digest } },
          { kind: 'policy', to: world.policy },
          { kind: 'groups', to: world.parties.groups },
          { kind: 'quarantine', to: world.isInQuarantine },
          { kind: 'pause', to: false },
        ];
        const then = happened(world, [...detour, ...back]);
        if (allows(then)) expectEqual(allows(world), true);
        const isMoment = !detour.some(({ kind }) => kind === 'time');
        const isByServer = !beginning.some(({ kind }) => kind === 'override' || kind === 'accept');
        if (isMoment && isByServer) expectEqual(allows(then), allows(world));
      }),
      runs,
    );
  });

  it('what has nothing to do with one another may come in any order, with tokens asked for in between or not', () => {
    const once = fc
      .tuple(read, policy, groups, quarantine, pause, time)
      .chain((events) => fc.tuple(fc.shuffledSubarray<Event>([...events]), fc.boolean()));
    fc.assert(
      fc.property(worldArbitrary, once, (start, [events, isAsked]) => {
        const through = (order: readonly Event[], asks: boolean) =>
          order.reduce<World>((world, event) => {
            if (asks) refresh(world);
            return worldAfter(world, event);
          }, start);
        const [one, other] = [through(events, isAsked), through([...events].reverse(), !isAsked)];
        expectEqual(refresh(one), refresh(other));
      }),
      runs,
    );
  });
});
