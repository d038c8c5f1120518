import { afterEach, describe, expect, it } from '@jest/globals';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ProtectOptions } from '../../src/resource-server/express.ts';
import type { InputRules, VerifierOptions } from '../../src/resource-server/index.ts';
import { doors, type ServedDoor } from './doors.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { rpc } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const ajv = new Ajv2020({ strict: false });
const scope = 'tool:assign tool:bare tool:gone tool:remote tool:broken tool:constructor';

const tools: { name: string; inputSchema?: unknown }[] = [
  {
    name: 'assign',
    inputSchema: {
      type: 'object',
      properties: { issue: { type: 'integer', minimum: 1 }, to: { type: 'array', items: { type: 'string' } } },
      required: ['issue'],
    },
  },
  { name: 'bare' },
  {
    name: 'remote',
    inputSchema: { type: 'object', properties: { issue: { $ref: 'https://schemas.example/issue.json' } } },
  },
  { name: 'broken', inputSchema: { type: 'nothing there is' } },
];

/** An answer of JSON-RPC, as far as the tests look into it. */
interface Answered {
  result: { content: { text: string }[] };
  error: { code: number };
}

describe.each(doors)('input checking at the %s door', (_name, serve) => {
  const open: ServedDoor[] = [];
  afterEach(async () => {
    for (const door of open.splice(0)) {
      await door.verifier.reports.close();
      await door.close();
    }
  });

  async function setUp(rules: Partial<InputRules> = {}, options: Partial<VerifierOptions & ProtectOptions> = {}) {
    const issuer = new FakeIssuer({ key });
    const ran: unknown[] = [];
    const problems: Error[] = [];
    const inputs: InputRules = { validator: ajv, tools, onError: (error) => problems.push(error), ...rules };
    const credential = 'srv_1:secret-of-srv-1';
    const door = await serve({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential, inputs, ...options }, ({ body }) => {
      ran.push(body);
      return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } }) };
    });
    open.push(door);
    const post = async (body: unknown, by: { scope?: string; headers?: Record<string, string> } = {}) => {
      const response = await door.send('/mcp', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await issuer.token({ scope: by.scope ?? scope })}`,
          'content-type': 'application/json',
          ...by.headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, text, json: (text === '' ? undefined : JSON.parse(text)) as Answered };
    };
    const call = (args: unknown, name = 'assign') => post(rpc('tools/call', { name, ...(args === undefined ? {} : { arguments: args }) }));
    const reports = async () => {
      await door.verifier.reports.flush();
      return issuer.reports.map(({ tool, outcome, error }) => [tool, outcome, error]);
    };
    return { issuer, ran, problems, post, call, reports };
  }

  it('what the schema asks for runs, and what is no call is not looked at', async () => {
    const { ran, post, call, problems } = await setUp();
    expect((await call({ issue: 4, to: ['ada'] })).json).toMatchObject({ result: { content: [] } });
    expect((await post(rpc('tools/list'))).status).toBe(200);
    expect((await post({ jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(200);
    expect([ran.length, problems]).toEqual([3, []]);
  });

  it.each<[string, InputRules['validator']]>([
    ['Ajv', ajv],
    ['the SDK', new AjvJsonSchemaValidator()],
  ])('MCP-53: by %s, a fault is a tool result with its JSON Pointer, and nothing runs', async (_who, validator) => {
    const { ran, call, reports } = await setUp({ validator });
    for (const [args, pointer] of [
      [{ issue: 'four' }, '/issue'],
      [{ issue: 0 }, '/issue'],
      [{ issue: 4, to: ['ada', 7] }, '/to/1'],
      [{ to: [] }, '/issue'],
      [{}, '/issue'],
      [undefined, '/issue'],
    ] as const) {
      const { status, json } = await call(args);
      expect(status).toBe(200);
      expect(json).toEqual({
        jsonrpc: '2.0',
        id: 1,
        result: { isError: true, content: [{ type: 'text', text: expect.stringContaining(`The first fault is at "${pointer}"`) }] },
      });
    }
    expect(ran).toEqual([]);
    expect(await reports()).toEqual(Array.from({ length: 6 }, () => ['assign', 'denied', 'arguments']));
  });

  it('MCP-53: 2026-07-28: the result says that it is complete, and what the schema asks for there', async () => {
    const { ran, post } = await setUp();
    const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'assign' };
    const { json } = await post(rpc('tools/call', { name: 'assign', arguments: { issue: 0 }, _meta: meta }), { headers });
    expect(json.result).toEqual({
      isError: true,
      resultType: 'complete',
      content: [{ type: 'text', text: expect.stringContaining('"minimum":1') }],
    });
    expect(ran).toEqual([]);
  });

  it('MCP-53: what a value was is not said', async () => {
    const { ran, call } = await setUp();
    const canary = 'canary-4711-of-the-value';
    const answers = [
      await call({ issue: canary }),
      await call({ issue: 1, to: canary }),
      await call({ issue: 1, to: [{ [canary]: canary }] }),
    ];
    for (const { text } of answers) {
      expect(text).toContain('isError');
      expect(text).not.toContain(canary);
    }
    expect(ran).toEqual([]);
  });

  it('ABUSE-60: who may not call a tool learns nothing of its schema', async () => {
    const { ran, post, reports } = await setUp();
    const { status, text } = await post(rpc('tools/call', { name: 'assign', arguments: { issue: 'x' } }), { scope: 'tool:other' });
    expect(status).toBe(403);
    expect(text).not.toMatch(/inputSchema|fault/);
    expect(ran).toEqual([]);
    expect(await reports()).toEqual([['assign', 'denied', undefined]]);
  });

  it.each<[string, string, string]>([
    ['a tool that is not there any more', 'gone', 'unknown-tool'],
    ['the name of a method of every object', 'constructor', 'unknown-tool'],
    ['a tool without a schema', 'bare', 'unchecked'],
    ['a schema that refers to elsewhere', 'remote', 'unchecked'],
    ['a schema that does not compile', 'broken', 'unchecked'],
  ])('MCP-53: %s runs nothing, and is the server’s error, not the model’s', async (_what, name, error) => {
    const { issuer, ran, problems, call, reports } = await setUp();
    const { status, json } = await call({ issue: 1 }, name);
    expect([status, json.error.code]).toEqual([200, error === 'unchecked' ? -32603 : -32602]);
    expect(ran).toEqual([]);
    expect(await reports()).toEqual([[name, 'denied', error]]);
    expect(problems).toHaveLength(error === 'unchecked' ? 1 : 0);
    expect(issuer.asked.filter((url) => url.includes('schemas.example'))).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', [{ issue: 1 }]],
    ['a text', '{"issue":1}'],
    ['a number', 1],
  ])('arguments that are %s are a malformed request', async (_what, args) => {
    const { ran, call, reports } = await setUp();
    expect((await call(args)).json.error.code).toBe(-32602);
    expect(ran).toEqual([]);
    expect(await reports()).toEqual([['assign', 'denied', 'arguments']]);
  });

  it('MCP-53: arguments nested without end, or without number, are refused before the validator sees them', async () => {
    let asked = 0;
    const validator = { compile: () => () => ++asked > 0 };
    const { ran, post, call } = await setUp({ validator, maxValues: 100 });
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    const { json } = await post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"assign","arguments":${deep}}}`);
    expect(json.result.content[0]?.text).toContain('nested at most 64 deep');
    const many = await call({ issue: 1, to: Array.from({ length: 200 }, String) });
    expect(many.json.result.content[0]?.text).toContain('at most 100 values');
    expect([asked, ran]).toEqual([0, []]);
    await call({ issue: 1, to: Array.from({ length: 90 }, String) });
    expect([asked, ran.length]).toEqual([1, 1]);
  });

  it.each<[string, string, string]>([
    ['__proto__', '{"issue":1,"__proto__":{"isAdmin":true}}', '/__proto__'],
    ['one further in', '{"issue":1,"to":[{"__proto__":{"isAdmin":true}}]}', '/to/0/__proto__'],
    ['constructor.prototype', '{"issue":1,"constructor":{"prototype":{"isAdmin":true}}}', '/constructor'],
  ])('a member that changes prototypes does not arrive: %s', async (_what, args, pointer) => {
    const { ran, post } = await setUp({ validator: { compile: () => () => true } });
    const { json } = await post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"assign","arguments":${args}}}`);
    expect(json.result.content[0]?.text).toContain(`"${pointer}"`);
    expect(ran).toEqual([]);
  });

  it('a constructor that builds racing cars does', async () => {
    const { ran, call } = await setUp({ validator: { compile: () => () => true } });
    await call({ constructor: 'Ferrari' });
    expect(ran).toHaveLength(1);
  });

  it('a batch of which one call is refused runs nothing, and each member hears why', async () => {
    const { ran, post, reports } = await setUp();
    const { status, json } = await post([
      rpc('tools/call', { name: 'assign', arguments: { issue: 1 } }, 1),
      rpc('tools/call', { name: 'assign', arguments: { issue: 'x' } }, 2),
      rpc('ping', undefined, 3),
    ]);
    expect(status).toBe(200);
    expect(json).toMatchObject([
      { id: 1, error: { message: expect.stringContaining('another call') } },
      { id: 2, result: { isError: true } },
      { id: 3, error: { message: expect.stringContaining('another call') } },
    ]);
    expect(ran).toEqual([]);
    expect(await reports()).toEqual([['assign', 'denied', 'arguments']]);
  });

  it('a call that wants no answer gets none, and does not run', async () => {
    const { ran, post, reports } = await setUp();
    const { status, text } = await post({ jsonrpc: '2.0', method: 'tools/call', params: { name: 'assign', arguments: {} } });
    expect([status, text, ran]).toEqual([202, '', []]);
    expect(await reports()).toEqual([['assign', 'denied', 'arguments']]);
  });

  it.each<[string, (value: unknown) => unknown]>([
    ['throws', () => raise(new Error('canary-4711'))],
    ['throws something else', () => raise('canary-4711' as unknown as Error)],
    ['rejects', () => Promise.reject(new Error('canary-4711'))],
    ['never answers', () => new Promise(() => {})],
    ['answers nothing', () => undefined],
    ['answers the arguments themselves', (value) => value],
    ['answers something that is nearly true', () => 1],
    ['answers an object without valid', () => ({ ok: true })],
    ['answers late with something that is nearly true', () => Promise.resolve('true')],
  ])('MCP-53: a validator that %s lets nothing through', async (_what, check) => {
    const { ran, problems, call, reports } = await setUp({ validator: { compile: () => check }, timeoutMs: 20 });
    const { status, json, text } = await call({ issue: 1 });
    expect([status, json.error.code, ran]).toEqual([200, -32603, []]);
    expect(text).not.toContain('canary-4711');
    expect(problems).toEqual([expect.objectContaining({ cause: expect.anything() })]);
    expect(await reports()).toEqual([['assign', 'denied', 'unchecked']]);
  });

  it('one that takes its time, and one that says in an object that all is well, let good arguments through', async () => {
    for (const answer of [Promise.resolve(true), { valid: true }, Promise.resolve({ valid: true })]) {
      const { ran, call } = await setUp({ validator: { getValidator: () => () => answer } });
      await call({ issue: 1 });
      expect(ran).toHaveLength(1);
    }
  });

  it('tools may be looked up for the caller; while they cannot be, nothing runs', async () => {
    const { ran, call } = await setUp({ tools: async (access) => (access.subject === 'usr_ada' ? tools : []) });
    expect((await call({ issue: 1 })).json).toHaveProperty('result');
    expect(ran).toHaveLength(1);
    for (const source of [() => Promise.reject(new Error('away')), () => new Promise<never>(() => {}), () => raise(new Error('away'))]) {
      const other = await setUp({ tools: source, timeoutMs: 20 });
      expect((await other.call({ issue: 1 })).json.error.code).toBe(-32603);
      expect(other.ran).toEqual([]);
    }
  });

  it('a schema that was changed counts from then on, whatever its `$id` is', async () => {
    for (const validator of [new Ajv2020(), new AjvJsonSchemaValidator()]) {
      const schema = (type: string) => ({ $id: 'https://schemas.example/assign', type: 'object', properties: { issue: { type } } });
      let listed = [{ name: 'assign', inputSchema: schema('string') }];
      const { ran, call } = await setUp({ validator, tools: () => listed });
      await call({ issue: 'four' });
      listed = [{ name: 'assign', inputSchema: schema('integer') }];
      await call({ issue: 'four' });
      expect(ran).toHaveLength(1);
    }
  });

  it("with audit: 'before-call' a refused call is not announced", async () => {
    const { ran, call, reports } = await setUp({}, { audit: 'before-call' });
    await call({ issue: 'x' });
    expect(ran).toEqual([]);
    expect(await reports()).toEqual([['assign', 'denied', 'arguments']]);
  });

  it('needs tools, and a validator that is one', async () => {
    await expect(setUp({ tools: undefined as never })).rejects.toThrow(/`tools`/);
    await expect(setUp({ validator: (() => true) as never })).rejects.toThrow(/`inputs.validator`/);
  });
});

function raise(error: Error): never {
  throw error;
}
