import { describe, expect, it } from '@jest/globals';
import { type KnownDefinition, type KnownTool, stepTo, withComparisons, withOverride } from '../../../src/domain/catalogue-step.ts';
import { isRiskier, type Risk, type RiskProfile } from '../../../src/domain/risk.ts';
import type { JsonObject } from '../../../src/domain/tool.ts';

const at = new Date('2026-06-01T12:00:00Z');
const writing = { destructiveHint: false, openWorldHint: false };
const destroying = { openWorldHint: false };

/** What a server lists, each by a digest of its own. */
const listed = (digest: string, changes: { annotations?: JsonObject; inputSchema?: JsonObject } = {}): KnownDefinition => ({
  digest,
  definition: { name: 'a', annotations: writing, inputSchema: { type: 'object' }, ...changes },
});

/** Reads definitions one after the other, `undefined` where the tool is gone, from what is known of it. */
function readAll(known: KnownTool | undefined, ...found: (KnownDefinition | undefined)[]): KnownTool | undefined {
  let tool = known;
  let said: KnownTool | undefined;
  let versions: readonly KnownDefinition[] = known ? [{ digest: known.digest, definition: known }] : [];
  for (const one of found) {
    if (!one) [tool, said] = [undefined, tool];
    else {
      const saidBefore = said?.override && { override: said.override, annotations: said.annotations };
      tool = withComparisons(stepTo(one, { position: 0, before: tool, saidBefore, at, readAt: at }), versions);
      versions = [...versions, one];
    }
  }
  return tool;
}

const first = listed('first');
const known = (): KnownTool => stepTo(first, { position: 0, before: undefined, at, readAt: at }).tool;
const accepted = (tool: KnownTool | undefined): KnownTool => ({ ...tool!, acceptedAt: at, isAccepted: true });
const schema = (required: string[], properties: JsonObject = {}): { inputSchema: JsonObject } => ({
  inputSchema: { type: 'object', properties: { cc: {}, ...properties }, required },
});

describe('what an administrator looked at', () => {
  const wants = listed('wants', schema(['cc']));

  it('stays looked at through changes that are no worse, and back', () => {
    const tool = accepted(readAll(known(), wants));
    const [words, back] = [listed('words', { ...schema(['cc']), annotations: { ...writing, title: 'A' } }), wants];
    expect(readAll(tool, words, back)).toMatchObject({ digest: 'wants', isAccepted: true });
  });

  it('is no longer what it was when it is riskier', () => {
    const tool = accepted(readAll(known(), wants));
    expect(readAll(tool, listed('worse', { ...schema(['cc']), annotations: destroying }))?.isAccepted).toBeUndefined();
    expect(readAll(tool, listed('more', schema(['cc', 'bcc'])))?.isAccepted).toBeUndefined();
    expect(readAll(tool, undefined, wants)?.isAccepted).toBeUndefined();
  });

  it('does not cover a part that went and came back wanting more', () => {
    const tool = accepted(readAll(known(), listed('with', schema(['cc'], { to: { type: 'object' } }))));
    expect(readAll(tool, wants)?.isAccepted).toBe(true);
    const back = listed('back', schema(['cc'], { to: { type: 'object', required: ['list'] } }));
    expect(readAll(tool, wants, back)?.isAccepted).toBeUndefined();
  });
});

describe('what an administrator said', () => {
  const profile = (risk: Risk, openWorld = false): RiskProfile => ({ risk, openWorld });
  const worst = listed('worst', { annotations: {} });
  const worse = listed('worse', { annotations: destroying });
  const milder = listed('milder', { annotations: { readOnlyHint: true, openWorldHint: false } });

  it.each<[what: string, said: RiskProfile, found: (KnownDefinition | undefined)[], counts: RiskProfile]>([
    ['of a tool that is as it was', profile('read'), [first], profile('read')],
    ['of one that claims less', profile('destructive'), [milder], profile('destructive')],
    ['of one that claims more, and no more than was said', profile('destructive'), [worse], profile('destructive')],
    ['that was milder, of one that claims more', profile('read'), [worse], profile('destructive')],
    ['that was milder, when it claims again what it did', profile('read'), [worse, first], profile('write')],
    ['that was stricter, of one that claims more still', profile('destructive'), [worst], profile('destructive', true)],
    ['that was stricter, when it claims again what it did', profile('destructive'), [worst, first], profile('destructive', true)],
    ['that was stricter in one way and milder in another', profile('read', true), [worse], profile('destructive', true)],
    ['that was milder, of one that was gone', profile('read'), [undefined, first], profile('write')],
    ['that was stricter, of one that was gone', profile('destructive'), [undefined, first], profile('destructive')],
    ['that was stricter, of one that comes back worse', profile('destructive'), [undefined, worst], profile('destructive', true)],
    [
      'that was stricter, of one that claims worse, goes, and does as before',
      profile('destructive'),
      [worst, undefined, first],
      profile('destructive', true),
    ],
  ])('counts as it must: %s', (_, said, found, counts) => {
    const { risk, openWorld } = readAll(withOverride(known(), said), ...found)!;
    expect({ risk, openWorld }).toEqual(counts);
  });
});

describe('a risk', () => {
  it.each<[now: RiskProfile, before: RiskProfile, isMore: boolean]>([
    [{ risk: 'read', openWorld: false }, { risk: 'read', openWorld: false }, false],
    [{ risk: 'write', openWorld: false }, { risk: 'read', openWorld: false }, true],
    [{ risk: 'destructive', openWorld: false }, { risk: 'write', openWorld: true }, true],
    [{ risk: 'read', openWorld: true }, { risk: 'destructive', openWorld: false }, true],
    [{ risk: 'read', openWorld: false }, { risk: 'destructive', openWorld: true }, false],
    [{ risk: 'write', openWorld: true }, { risk: 'destructive', openWorld: true }, false],
  ])('%j beside %j: riskier is %s', (now, before, isMore) => {
    expect(isRiskier(now, before)).toBe(isMore);
  });
});
