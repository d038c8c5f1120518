import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Json, JsonObject, ToolDefinition } from '../../../src/domain/tool.ts';
import { classifyChange, riskierTraits, toolChanges, traitsBeyondRisk } from '../../../src/domain/tool-change.ts';
import { fewerRuns } from './arbitraries.ts';
import { definitionArbitrary, hiddenCharacters, texts } from './definition-arbitraries.ts';

const tool = (changes: Partial<ToolDefinition> = {}): ToolDefinition => ({
  name: 'send_mail',
  title: 'Send mail',
  description: 'Sends a mail.',
  annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false, idempotentHint: true },
  inputSchema: {
    type: 'object',
    properties: { to: { type: 'string', description: 'Whom to.' }, cc: { type: 'string' } },
    required: ['to'],
  },
  ...changes,
});
const { inputSchema, annotations } = tool();
const properties = inputSchema.properties as JsonObject;
const withProperty = (name: string, schema: JsonObject, required = false): Partial<ToolDefinition> => ({
  inputSchema: { ...inputSchema, properties: { ...properties, [name]: schema }, ...(required && { required: ['to', name] }) },
});

describe('a change of a definition', () => {
  const cases: [what: string, before: Partial<ToolDefinition>, now: Partial<ToolDefinition>, change: string][] = [
    ['nothing', {}, {}, 'none'],
    ['the order of members', {}, { inputSchema: { required: ['to'], properties, type: 'object' } }, 'none'],
    ['white space', {}, { description: ' Sends a\n  mail. ' }, 'cosmetic'],
    ['typography', { description: 'It\u2019s \u201csent\u201d\u2026' }, { description: 'It\'s "sent"...' }, 'cosmetic'],
    [
      'a default spelled out',
      { annotations: { readOnlyHint: true } },
      { annotations: { readOnlyHint: true, openWorldHint: true } },
      'cosmetic',
    ],
    ['the dialect of the schema', {}, { inputSchema: { ...inputSchema, $schema: 'http://json-schema.org/draft-07/schema#' } }, 'cosmetic'],
    [
      'the order of what is required',
      { inputSchema: { required: ['a', 'b'] } },
      { inputSchema: { required: ['b', 'a', 'a'] } },
      'cosmetic',
    ],
    ['a description', {}, { description: 'Sends a letter.' }, 'description'],
    ['a number in a description', { description: 'At most 1.0' }, { description: 'At most 10' }, 'description'],
    ['a title', {}, { title: 'Mail' }, 'description'],
    ['no title any more', {}, { title: undefined } as never, 'description'],
    ['words for a parameter', {}, withProperty('to', { type: 'string', description: 'Only ada@example.com.' }), 'description'],
    ['examples', {}, withProperty('to', { type: 'string', description: 'Whom to.', examples: ['eve@example.com'] }), 'description'],
    ['milder claims', {}, { annotations: { ...annotations, readOnlyHint: true } }, 'description'],
    ['an annotation that nobody knows', {}, { annotations: { ...annotations, audience: 'all' } }, 'description'],
    ['an optional parameter', {}, withProperty('bcc', { type: 'string' }), 'schema'],
    [
      'an optional object that requires something',
      {},
      withProperty('x', { type: 'object', properties: { y: {} }, required: ['y'] }),
      'schema',
    ],
    ['another type', {}, withProperty('cc', { type: 'array' }), 'schema'],
    ['a default value', {}, withProperty('cc', { type: 'string', default: 'eve@example.com' }), 'schema'],
    ['a parameter that is called title', {}, withProperty('title', { type: 'string' }), 'schema'],
    ['a result', {}, { outputSchema: { type: 'object' } }, 'schema'],
    ['required no more', {}, { inputSchema: { ...inputSchema, required: [] } }, 'schema'],
    ['a new required parameter', {}, withProperty('bcc', { type: 'string' }, true), 'riskier'],
    ['a parameter that is required now', {}, withProperty('cc', { type: 'string' }, true), 'riskier'],
    [
      'one that is required by a condition',
      { inputSchema: { allOf: [{}] } },
      { inputSchema: { allOf: [{ required: ['to'] }] } },
      'riskier',
    ],
    ['one deep inside', withProperty('x', { properties: {} }), withProperty('x', { properties: { y: {} }, required: ['y'] }), 'riskier'],
    ['what all must have, said beside', {}, { inputSchema: { ...inputSchema, allOf: [{ required: ['cc'] }] } }, 'riskier'],
    ['what all must have, said in a new choice', {}, { inputSchema: { ...inputSchema, anyOf: [{ required: ['cc'] }] } }, 'riskier'],
    [
      'what must be there in some cases',
      {},
      { inputSchema: { ...inputSchema, if: { required: ['cc'] }, else: { required: ['bcc'] } } },
      'riskier',
    ],
    ['what must be there beside something', {}, { inputSchema: { ...inputSchema, dependentRequired: { to: ['cc'] } } }, 'riskier'],
    [
      'what must be there beside something, in a schema',
      {},
      { inputSchema: { ...inputSchema, dependentSchemas: { to: { required: ['cc'] } } } },
      'riskier',
    ],
    ['what must be there, as it once was written', {}, withProperty('cc', { type: 'string', required: true }), 'riskier'],
    [
      'what must be there, behind a reference',
      {},
      { inputSchema: { ...inputSchema, $ref: '#/$defs/all', $defs: { all: { required: ['cc'] } } } },
      'riskier',
    ],
    [
      'what must be there, behind a name',
      {},
      { inputSchema: { ...inputSchema, $ref: '#all', $defs: { any: { $anchor: 'all', allOf: [{ required: ['cc'] }] } } } },
      'riskier',
    ],
    [
      'what must be there, behind an encoded reference to a reference',
      {},
      {
        inputSchema: {
          ...inputSchema,
          $ref: '#/$defs/a%20b',
          $defs: { 'a b': { $ref: 'urn:c' }, c: { $id: 'urn:c', required: ['cc'] } },
        },
      },
      'riskier',
    ],
    ['so many that none can be left out', {}, { inputSchema: { ...inputSchema, minProperties: 2 } }, 'riskier'],
    [
      'what could be chosen',
      { inputSchema: { ...inputSchema, anyOf: [{ required: ['cc'] }, {}] } },
      { inputSchema: { ...inputSchema, required: ['to', 'cc'] } },
      'riskier',
    ],
    ['as many as are required anyway', {}, { inputSchema: { ...inputSchema, minProperties: 1 } }, 'schema'],
    ['what is required anyway, said once more', {}, { inputSchema: { ...inputSchema, allOf: [{ required: ['to'] }] } }, 'schema'],
    [
      'the same, behind a reference',
      {},
      { inputSchema: { type: 'object', $ref: '#/$defs/all', $defs: { all: { properties, required: ['to'] } } } },
      'schema',
    ],
    [
      'an optional argument behind a reference',
      {},
      {
        inputSchema: {
          ...inputSchema,
          properties: { ...properties, who: { $ref: '#/$defs/who' } },
          $defs: { who: { type: 'object', properties: { id: {} }, required: ['id'] } },
        },
      },
      'schema',
    ],
    ['what must not be there', {}, { inputSchema: { ...inputSchema, not: { required: ['bcc'] } } }, 'schema'],
    ['a header', {}, withProperty('cc', { type: 'string', 'x-mcp-header': 'Cc' }), 'riskier'],
    ['another header', withProperty('cc', { 'x-mcp-header': 'Cc' }), withProperty('cc', { 'x-mcp-header': 'Authorization' }), 'riskier'],
    ['no header any more', withProperty('cc', { 'x-mcp-header': 'Cc' }), withProperty('cc', {}), 'schema'],
    ['destructive', {}, { annotations: { ...annotations, destructiveHint: true } }, 'riskier'],
    ['open to the world', {}, { annotations: { ...annotations, openWorldHint: true } }, 'riskier'],
    ['no claims at all', {}, { annotations: {} }, 'riskier'],
    ['a claim that is no boolean', {}, { annotations: { ...annotations, openWorldHint: 'false' } }, 'riskier'],
    ['no longer idempotent', {}, { annotations: { ...annotations, idempotentHint: false } }, 'riskier'],
    ['hidden words', {}, { description: 'Sends a mail.\u{e0041}\u{e0042}' }, 'riskier'],
    ['hidden words in the name of a parameter', {}, withProperty('b\u200bcc', {}), 'riskier'],
    ['hidden words in a result', {}, { outputSchema: { description: 'a\u202eb' } }, 'riskier'],
    ['other hidden words', { description: 'a\u200bb' }, { description: 'a\u200cb' }, 'riskier'],
    ['hidden words as before', { description: 'a\u200bb' }, { description: 'a\u200bc' }, 'description'],
    ['an emoji of several parts', {}, { description: 'Sends a mail. 👩‍💻⚠️' }, 'description'],
    ['what only looks like a schema', withProperty('cc', { default: {} }), withProperty('cc', { default: { required: ['x'] } }), 'schema'],
  ];
  it.each(cases)('ABUSE-89: %s', (_, before, now, change) => {
    expect(classifyChange(tool(before), tool(now))).toBe(change);
  });
});

describe('classifyChange', () => {
  const pairs = fc.tuple(definitionArbitrary, definitionArbitrary);

  it('finds nothing between a definition and itself, whatever the order of its members', () => {
    fc.assert(
      fc.property(definitionArbitrary, (definition) => {
        expect(classifyChange(definition, definition)).toBe('none');
        expect(classifyChange(definition, turned(definition as unknown as Json) as unknown as ToolDefinition)).toBe('none');
      }),
      fewerRuns,
    );
  });

  it('calls riskier exactly what has a trait of it', () => {
    fc.assert(
      fc.property(pairs, ([before, now]) => {
        const change = classifyChange(before, now);
        const traits = riskierTraits(before, now);
        expect(toolChanges).toContain(change);
        expect(change === 'riskier').toBe(traits.length > 0);
        expect(traits.filter((trait) => trait !== 'risk')).toEqual(traitsBeyondRisk(before, now));
      }),
      fewerRuns,
    );
  });

  it('is as mild one way as the other, unless one of them is riskier', () => {
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        const [there, back] = [classifyChange(one, other), classifyChange(other, one)];
        if (there !== 'riskier' && back !== 'riskier') expect(there).toBe(back);
      }),
      fewerRuns,
    );
  });

  it('lets nobody get by small steps where one step would be noticed', () => {
    fc.assert(
      fc.property(definitionArbitrary, definitionArbitrary, definitionArbitrary, (a, b, c) => {
        const steps = [...riskierTraits(a, b), ...riskierTraits(b, c)];
        // What is no longer idempotent may have been read-only in between, and is riskier then by its risk.
        const covers = {
          risk: ['risk'],
          'not-idempotent': ['not-idempotent', 'risk'],
          header: ['header'],
          'hidden-text': ['hidden-text'],
        } as const;
        const traits = Object.keys(covers) as (keyof typeof covers)[];
        const mildOnes = traits.filter((trait) => !covers[trait].some((one) => steps.includes(one)));
        for (const trait of mildOnes) expect(riskierTraits(a, c)).not.toContain(trait);
      }),
      fewerRuns,
    );
  });

  it('is riskier with one more hidden character, wherever it stands', () => {
    fc.assert(
      fc.property(definitionArbitrary, fc.constantFrom(...hiddenCharacters), fc.nat(), (definition, character, index) => {
        const places = texts(definition);
        const place = places[index % places.length];
        if (place === undefined) return;
        const now = JSON.parse(JSON.stringify(definition)) as ToolDefinition;
        place.write(now, (text) => `${text}${character}x`);
        expect(riskierTraits(definition, now)).toContain('hidden-text');
      }),
      fewerRuns,
    );
  });

  it('is riskier with one more required parameter', () => {
    fc.assert(
      fc.property(definitionArbitrary, fc.string(), (definition, name) => {
        const before = (definition.inputSchema.required ?? []) as readonly string[];
        fc.pre(!before.includes(name) && name !== 'to' && name !== 'cc');
        const now = { ...definition, inputSchema: { ...definition.inputSchema, required: [...before, name] } };
        expect(traitsBeyondRisk(definition, now)).toContain('required-parameter');
        expect(riskierTraits(now, definition)).not.toContain('required-parameter');
      }),
      fewerRuns,
    );
  });

  it('ABUSE-89: ends soon where a schema refers to itself, without end or many times over, and takes no chances then', () => {
    const chain = (length: number, last: JsonObject): JsonObject => ({
      ...Object.fromEntries(Array.from({ length }, (_, n) => [`a${n}`, { $ref: `#/$defs/a${n + 1}` }])),
      [`a${length}`]: last,
    });
    const doubling = Object.fromEntries(
      Array.from({ length: 60 }, (_, n): [string, JsonObject] => {
        const next = { $ref: `#/$defs/b${n + 1}` };
        return [`b${n}`, { properties: { one: next, other: next } }];
      }),
    );
    const schemas: [defs: JsonObject, ref: string][] = [
      [chain(9_000, {}), '#/$defs/a0'],
      [doubling, '#/$defs/b0'],
    ];
    for (const [$defs, $ref] of schemas) {
      const before = tool({ inputSchema: { ...inputSchema, $ref, $defs } });
      expect(traitsBeyondRisk(before, before)).toEqual([]);
      expect(traitsBeyondRisk(before, { ...before, description: 'Sends a letter.' })).toEqual([]);
      expect(traitsBeyondRisk(before, tool({ inputSchema: { ...inputSchema, $ref, $defs: { ...$defs, c: {} } } }))).toEqual([
        'required-parameter',
      ]);
    }
    const tree: JsonObject = { properties: { left: { $ref: '#' }, right: { $ref: '#' } } };
    expect(traitsBeyondRisk(tool({ inputSchema: tree }), tool({ inputSchema: { ...tree, required: ['left'] } }))).toEqual([
      'required-parameter',
    ]);
    expect(traitsBeyondRisk(tool({ inputSchema: tree }), tool({ inputSchema: { ...tree, minProperties: 0 } }))).toEqual([]);
  });

  it('takes other white space for nothing', () => {
    fc.assert(
      fc.property(definitionArbitrary, fc.nat(), (definition, index) => {
        const places = texts(definition).filter(({ isWording }) => isWording);
        const place = places[index % Math.max(places.length, 1)];
        if (place === undefined) return;
        const now = JSON.parse(JSON.stringify(definition)) as ToolDefinition;
        place.write(now, (text) => `  ${text.replaceAll(' ', '\n ')}\t`);
        expect(classifyChange(definition, now)).toBe('cosmetic');
      }),
      fewerRuns,
    );
  });
});

/** The same value with the members of every object the other way round. */
function turned(value: Json): Json {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]: [string, Json]): [string, Json] => [name, turned(member)])
      .reverse(),
  );
}
