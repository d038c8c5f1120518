/**
 * How a tool's definition differs from one that it had before: whether people must look before their agents go on with it, whether it
 * is worth a mark, or nothing at all. Pure; both are definitions of one tool.
 */
import { hiddenIn } from './invisible-text.ts';
import { isRiskier } from './risk.ts';
import { insistsOnMore } from './schema-demands.ts';
import { isObject, schemasIn, structureOf, wordingsOf } from './schema-parts.ts';
import { canonicalDefinition, canonicalJson, type Json, riskOfAnnotations, type ToolDefinition } from './tool.ts';

/** From nothing to what suspends a tool. */
export type ToolChange = (typeof toolChanges)[number];

/** All changes, mildest first. */
export const toolChanges = [
  /** The same definition. */
  'none',
  /** Nothing that anybody decides by: white space, typography, the order of members, spelled-out defaults. */
  'cosmetic',
  /** Other words. */
  'description',
  /** Other arguments or results. */
  'schema',
  /** It may do more than it could, or wants more than it did. */
  'riskier',
] as const;

/** What makes a change a riskier one. */
export type RiskierTrait =
  /** By its annotations it may do more. Administrators may have said otherwise: for what counts, compare risks. */
  | 'risk'
  /** It no longer says that calling it twice does no more than calling it once. */
  | 'not-idempotent'
  /** It insists on an argument that could be left out, or was not there. */
  | 'required-parameter'
  /** An argument goes into a header of the request (`x-mcp-header`), where proxies and logs see it. */
  | 'header'
  /** Text that a model reads and a person does not see. */
  | 'hidden-text';

/** Classifies a change by the worst of it. */
export function classifyChange(before: ToolDefinition, now: ToolDefinition): ToolChange {
  if (canonicalDefinition(before) === canonicalDefinition(now)) return 'none';
  if (riskierTraits(before, now).length > 0) return 'riskier';
  if (structureText(before) !== structureText(now)) return 'schema';
  return wordingText(before) === wordingText(now) ? 'cosmetic' : 'description';
}

/** What makes `now` riskier than `before`; empty where it is not. */
export function riskierTraits(before: ToolDefinition, now: ToolDefinition): RiskierTrait[] {
  return [
    ...(isRiskier(riskOfAnnotations(now.annotations), riskOfAnnotations(before.annotations)) ? ['risk' as const] : []),
    ...traitsBeyondRisk(before, now),
  ];
}

/** The same, without what a comparison of risks tells: that one goes by an administrator's word. */
export function traitsBeyondRisk(before: ToolDefinition, now: ToolDefinition): Exclude<RiskierTrait, 'risk'>[] {
  return [
    // One that only read is riskier by its risk.
    ...(!isReadOnly(before) && isIdempotent(before) && !isIdempotent(now) ? (['not-idempotent'] as const) : []),
    ...(insistsOnMore(before.inputSchema, now.inputSchema) ? (['required-parameter'] as const) : []),
    ...(hasMore(headersOf(before), headersOf(now)) ? (['header'] as const) : []),
    ...(hasMore(hiddenTexts(before), hiddenTexts(now)) ? (['hidden-text'] as const) : []),
  ];
}

function isReadOnly({ annotations }: ToolDefinition): boolean {
  return annotations.readOnlyHint === true;
}

/** A tool that changes nothing may be called as often as one likes. */
function isIdempotent(tool: ToolDefinition): boolean {
  return isReadOnly(tool) || tool.annotations.idempotentHint === true;
}

/** Which arguments go into which headers. */
function headersOf({ inputSchema }: ToolDefinition): Map<string, string> {
  return new Map(
    schemasIn(inputSchema).flatMap(({ at, schema: { 'x-mcp-header': header } }) =>
      header === undefined ? [] : [[at, JSON.stringify(header)]],
    ),
  );
}

/** Hidden text anywhere in the definition, by where it stands. */
function hiddenTexts({ name: _, ...rest }: ToolDefinition): Map<string, string> {
  return new Map(textsIn(rest as unknown as Json, '').flatMap(([at, text]) => (hiddenIn(text) === '' ? [] : [[at, hiddenIn(text)]])));
}

function textsIn(value: Json, at: string): [at: string, text: string][] {
  if (typeof value === 'string') return [[at, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: [string, Json]): [string, string][] => {
    const place = `${at}/${name}`;
    return [...(Array.isArray(value) ? [] : ([[`${place} `, name]] as [string, string][])), ...textsIn(member, place)];
  });
}

function hasMore(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): boolean {
  return [...now].some(([at, text]) => before.get(at) !== text);
}

function structureText({ inputSchema, outputSchema }: ToolDefinition): string {
  return canonicalJson([structureOf(inputSchema), outputSchema ? structureOf(outputSchema) : null]);
}

function wordingText({ title, description, annotations, inputSchema, outputSchema }: ToolDefinition): string {
  const { readOnlyHint: _, destructiveHint: __, openWorldHint: ___, idempotentHint: ____, ...others } = annotations;
  const claims = [riskOfAnnotations(annotations), isIdempotent({ annotations } as ToolDefinition)];
  const schemas = [inputSchema, outputSchema ?? {}].map((schema) => Object.fromEntries(wordingsOf(schema)));
  return canonicalJson(plainWordings([title ?? null, description ?? null, claims as unknown as Json, others, ...schemas]));
}

/** Texts as they are read: how they are typeset makes no difference. */
function plainWordings(value: Json): Json {
  if (typeof value === 'string') return plainWording(value);
  if (Array.isArray(value)) return value.map(plainWordings);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainWordings(member)])) : value;
}

function plainWording(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/[\u2010-\u2015]/g, '-')
    .replace(/\u2026/g, '...')
    .replace(/\s+/gu, ' ')
    .trim();
}
