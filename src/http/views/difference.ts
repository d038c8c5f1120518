/** How a tool's definition differs from the one that a person was shown, part by part, made fit to be read. Pure. */
import type { RiskProfile } from '../../domain/risk.ts';
import type { ToolDefinition } from '../../domain/tool.ts';
import type { RiskierTrait } from '../../domain/tool-change.ts';
import { compareDefinitions, type ParameterDifference, type TextDifference } from '../../domain/tool-difference.ts';
import { compareWords, type Stretch } from '../../domain/word-difference.ts';
import type { DifferenceContext, DifferencePart } from './part-contexts.ts';
import { riskWords } from './risk-words.ts';
import { readableName, readableText } from './untrusted-text.ts';

/** So many characters of a text are compared; what differs behind them is said, not shown. */
const maxCompared = 20_000;

/** Of a longer stretch, so many characters of either end are shown. */
const shownEnds = { same: 30, gone: 100, new: 100 };

/** Of one text, so many characters are shown: what comes behind them is said, not shown. */
const maxShown = 600;

/** More parts than these are counted, not shown. */
const maxParts = 6;

/** What a tool's risk was and is, an administrator's word included, and whether its server reports one that the issuer has not seen. */
export interface ComparedRisks {
  riskBefore: RiskProfile;
  riskNow: RiskProfile;
  isDoubted: boolean;
}

/** The difference from a definition that is not kept any more. */
export function unknownDifference(risks: ComparedRisks): DifferenceContext {
  return { reasons: [...riskReasons(risks), 'What it said then is not kept: read it anew.'], parts: [], moreParts: 0 };
}

/** Compares two definitions of a tool. */
export function differenceOf({
  before,
  now,
  ...risks
}: ComparedRisks & { before: ToolDefinition; now: ToolDefinition }): DifferenceContext {
  const { traits, title, description, parameters, hasOtherRules, hasOtherResult } = compareDefinitions(before, now);
  const parts = [
    ...(title ? [textPart('Title', title)] : []),
    ...(description ? [textPart('Description', description)] : []),
    ...parameters.flatMap(parameterParts),
    ...(hasOtherRules ? [{ label: 'Arguments', note: 'Other rules for all of them together.' }] : []),
    ...(hasOtherResult ? [{ label: 'Result', note: 'It says otherwise what it returns.' }] : []),
  ];
  return {
    reasons: [...riskReasons(risks), ...traits.flatMap((trait) => traitWords[trait])],
    parts: parts.slice(0, maxParts),
    moreParts: Math.max(0, parts.length - maxParts),
  };
}

function riskReasons({ riskBefore: before, riskNow: now, isDoubted }: ComparedRisks): string[] {
  const isOther = before.risk !== now.risk;
  return [
    ...(isOther
      ? [`It was under \u201c${riskWords[before.risk].title}\u201d, and is under \u201c${riskWords[now.risk].title}\u201d now.`]
      : []),
    ...(now.openWorld && !before.openWorld ? ['It reaches outside this server now.'] : []),
    ...(before.openWorld && !now.openWorld ? ['It no longer reaches outside this server.'] : []),
    ...(isDoubted ? ['Its server reports that it may do more than what stands here; it waits until that is looked at.'] : []),
  ];
}

/** What makes it riskier; its risk is said by `riskReasons`. */
const traitWords: Readonly<Record<RiskierTrait, readonly string[]>> = {
  risk: [],
  'not-idempotent': ['Calling it twice may do more than calling it once.'],
  'required-parameter': ['It insists on more than it did.'],
  header: ['Something of what the agent tells it travels where proxies and logs see it.'],
  'hidden-text': ['It has text that the agent reads and that you would not see; it is spelled out here.'],
};

function parameterParts(parameter: ParameterDifference): DifferencePart[] {
  const { path, kind, isRequired, isRequiredNow, header, description, schema } = parameter;
  const about = { label: kindWords[kind], name: readableName(path.join('.'), 'without a name') };
  const notes = [
    ...(kind === 'added' ? [isRequired ? 'It cannot be left out.' : 'It may be left out.'] : []),
    ...(kind === 'changed' && isRequiredNow ? ['It cannot be left out any more.'] : []),
    ...(header === undefined ? [] : [`It travels as the header \u201c${readableText(header, 80)}\u201d.`]),
  ];
  const note = notes.length === 0 ? {} : { note: notes.join(' ') };
  if (kind === 'removed') return [about];
  const texts = [...(description ? [stretchesOf(description)] : []), ...(schema && kind === 'changed' ? [stretchesOf(schema)] : [])];
  const [first, ...rest] = texts;
  return [{ ...about, ...note, ...(first && { text: first }) }, ...rest.map((text) => ({ ...about, text }))];
}

const kindWords: Readonly<Record<ParameterDifference['kind'], string>> = {
  added: 'New argument',
  removed: 'Argument that is gone',
  changed: 'Argument',
};

function textPart(label: string, difference: TextDifference): DifferencePart {
  return { label, text: stretchesOf(difference) };
}

/** Made readable before they are compared, so that what is hidden shows; `before` may be empty. */
function stretchesOf({ before, now }: TextDifference): Stretch[] {
  const shown: Stretch[] = [];
  let left = maxShown;
  for (const stretch of compareWords(readableText(before, maxCompared), readableText(now, maxCompared)).map(shorten)) {
    left -= stretch.text.length;
    if (left < 0) return [...shown, { kind: 'same', text: ' \u2026 More of it is different.' }];
    shown.push(stretch);
  }
  return shown;
}

function shorten({ kind, text }: Stretch): Stretch {
  const ends = shownEnds[kind];
  const characters = [...text];
  if (characters.length <= ends * 2) return { kind, text };
  return { kind, text: `${characters.slice(0, ends).join('')} \u2026 ${characters.slice(-ends).join('')}` };
}
