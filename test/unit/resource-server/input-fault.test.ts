import { describe, expect, it } from '@jest/globals';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv';
import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/server/validators/cf-worker';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { compileSchema } from '../../../src/resource-server/compiled-schema.ts';
import { findOutOfBounds } from '../../../src/resource-server/input-bounds.ts';
import { type InputFault, readVerdict } from '../../../src/resource-server/input-fault.ts';
import type { SchemaValidator } from '../../../src/resource-server/input-rules.ts';
import { pointerOf } from '../../../src/resource-server/json-pointer.ts';

const validators: [string, SchemaValidator][] = [
  ['Ajv', new Ajv2020({ strict: false })],
  ['Ajv, all errors', new Ajv2020({ strict: false, allErrors: true })],
  ['Ajv of the SDK', new AjvJsonSchemaValidator()],
  ['cfworker of the SDK', new CfWorkerJsonSchemaValidator()],
];

function faultBy(validator: SchemaValidator, schema: unknown, value: unknown): InputFault | undefined {
  const { check, schema: compiled } = compileSchema(validator, schema);
  const answer = check(value);
  return readVerdict({ answer, errors: check.errors }, { value, schema: compiled });
}

/** Names of members that end a pointer in a text, or mean something in one. */
const oddName = fc.oneof(
  fc.constantFrom('a', 'a b', 'a/b', 'a~b', '~1', '', ' ', 'must be', 'x: y', 'x; #/y', 'ü', '%20', '"', "'", 'constructor', '#', 'data'),
  fc.string({ minLength: 1, maxLength: 5 }).filter((name) => name !== '__proto__'),
);

describe.each(validators)('MCP-53: the first fault by %s', (_name, validator) => {
  it('is found wherever it is, whatever the members are called', () => {
    fc.assert(
      fc.property(fc.array(oddName, { minLength: 1, maxLength: 4 }), (path) => {
        const nest = (leaf: unknown): unknown => path.reduceRight((inner, name) => ({ [name]: inner }), leaf);
        const schema = path.reduceRight<unknown>((inner, name) => ({ type: 'object', properties: { [name]: inner } }), { type: 'integer' });
        expect(faultBy(validator, schema, nest(1))).toBeUndefined();
        expect(faultBy(validator, schema, nest('one'))?.path).toEqual(path);
      }),
      { numRuns: 40 },
    );
  });

  it('is in a list by its index', () => {
    const schema = { type: 'object', properties: { to: { type: 'array', items: { type: 'string' } } } };
    const to: unknown[] = Array.from({ length: 12 }, String);
    to[10] = 10;
    expect(pointerOf(faultBy(validator, schema, { to })?.path ?? [])).toBe('/to/10');
  });

  it('is at a member whose rules are alternatives', () => {
    const schema = { type: 'object', properties: { at: { anyOf: [{ type: 'integer' }, { type: 'boolean' }] } } };
    expect(faultBy(validator, schema, { at: 'x' })?.path).toEqual(['at']);
  });
});

describe('what a validator says', () => {
  const canary = 'canary-4711';
  const value = { issue: canary, [`of ${canary}`]: [canary], deep: { pin: canary } };

  it('is not passed on, however it is said', () => {
    const says = [
      { answer: { valid: false, errorMessage: `data/issue must not be ${canary}` }, errors: undefined },
      { answer: { valid: false, errorMessage: `#/deep/pin: ${canary} is wrong; #/${canary}: ${canary}` }, errors: undefined },
      { answer: { valid: false, errorMessage: canary }, errors: undefined },
      { answer: { valid: false, errors: [{ instanceLocation: `#/${canary}`, error: canary }] }, errors: undefined },
      {
        answer: false,
        errors: [{ instancePath: `/deep/${canary}`, message: canary, schemaPath: `#/${canary}`, params: { limit: canary } }],
      },
      { answer: false, errors: [{ instancePath: '/issue', schemaPath: '#/properties/issue/const', data: canary }] },
      { answer: false, errors: canary },
      { answer: false, errors: undefined },
    ];
    for (const verdict of says) {
      const fault = readVerdict(verdict, { value, schema: { properties: { issue: { const: 'something else' } } } });
      expect(fault).toBeDefined();
      expect(JSON.stringify(fault)).not.toContain(canary);
    }
  });

  it.each([[undefined], [null], [1], ['true'], [{}], [{ valid: 'true' }], [[true]], [{ __proto__: { valid: true } }]])(
    'as %j is no answer',
    (answer) => {
      expect(() => readVerdict({ answer, errors: undefined }, { value, schema: {} })).toThrow(TypeError);
    },
  );

  it('a rule is quoted from the schema, and one that is too long is named', () => {
    const ajv = new Ajv2020();
    const schema = (names: string[]) => ({ type: 'object', properties: { a: { enum: names } } });
    expect(faultBy(ajv, schema(['x', 'y']), { a: 'z' })?.rule).toContain('"enum":["x","y"]');
    const long = faultBy(ajv, schema(Array.from({ length: 500 }, String)), { a: 'z' })?.rule ?? '';
    expect(long).toContain('"enum"');
    expect(long.length).toBeLessThan(100);
  });
});

describe('what cannot be compiled', () => {
  const deep = (depth: number): unknown => (depth === 0 ? {} : { properties: { a: deep(depth - 1) } });
  const compiles = (schema: unknown): boolean => {
    try {
      compileSchema({ compile: () => () => true }, schema);
      return true;
    } catch {
      return false;
    }
  };

  it.each<[string, unknown, boolean]>([
    ['a reference within', { $ref: '#/$defs/a', $defs: { a: {} } }, true],
    ['a property of that name', { properties: { $ref: { type: 'string' } } }, true],
    ['one to the network', { properties: { a: { items: { $ref: 'https://x.example/y.json' } } } }, false],
    ['one to a file', { $ref: 'file:///etc/passwd' }, false],
    ['one that is dynamic', { $dynamicRef: 'http://x.example/#a' }, false],
    ['too deep a schema', deep(60), false],
    ['a schema that is no object', true, false],
    ['a list', [{}], false],
    ['nothing', undefined, false],
    ['a schema of zod', { '~standard': {}, type: 'object' }, false],
  ])('MCP-53: %s', (_what, schema, isGood) => {
    expect(compiles(schema)).toBe(isGood);
  });

  it('is compiled once, like what can be', () => {
    let compiled = 0;
    const validator: SchemaValidator = {
      compile: (schema) => {
        compiled += 1;
        if (schema.type === 'bad') throw new Error('bad');
        return () => true;
      },
    };
    for (const type of ['object', 'bad', 'object', 'bad']) {
      if (type === 'bad') expect(() => compileSchema(validator, { type })).toThrow('bad');
      else expect(compileSchema(validator, { type }).check({})).toBe(true);
    }
    expect(compiled).toBe(2);
  });
});

describe('bounds', () => {
  const depthOf = (value: unknown): number =>
    typeof value !== 'object' || value === null ? 0 : 1 + Math.max(0, ...Object.values(value).map(depthOf));
  const countOf = (value: unknown): number =>
    typeof value !== 'object' || value === null ? 0 : Object.values(value).reduce((sum: number, item) => sum + 1 + countOf(item), 0);

  it('MCP-53: hold exactly what is within them', () => {
    const harmless = fc.jsonValue({ maxDepth: 5 }).filter((value) => !/__proto__|"prototype"/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(harmless, fc.nat(5), fc.nat(12), (value, maxDepth, maxValues) => {
        const isWithin = depthOf(value) <= maxDepth && countOf(value) <= maxValues;
        expect(findOutOfBounds(value, { maxDepth, maxValues }) === undefined).toBe(isWithin);
      }),
    );
  });
});
