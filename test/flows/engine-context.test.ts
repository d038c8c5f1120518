/** What the engine ties to a context must not outlive the request: it did, until all of the heap was looked through. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import { lendToEngine } from '../../src/oidc/engine-context.ts';

const module = resolve(import.meta.dirname, '../../src/oidc/engine-context.ts');

/** Ties 20,000 contexts of 8 KB each as the engine does, 32 of them in use at a time, and prints by how much the old generation grew. */
const program = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { lendToEngine } from ${JSON.stringify(module)};
  const contexts = { shared: true };
  const inUse = [];
  const oldBytes = () => getHeapSpaceStatistics().filter(({ space_name }) => space_name.startsWith('old')).reduce((sum, { space_used_size }) => sum + space_used_size, 0);
  const before = oldBytes();
  for (let index = 0; index < 20_000; index += 1) {
    const ctx = Object.assign(Object.create(contexts), { req: { body: new Array(1_000).fill(index) }, state: {} });
    let tied;
    Object.defineProperty(lendToEngine(ctx), 'oidc', { get: () => (tied ||= { ctx }) });
    if (ctx.oidc.ctx !== ctx) throw new Error('not tied');
    inUse[index % 32] = ctx;
  }
  console.log(oldBytes() - before);`;

it('a request that is answered is garbage that the young generation gets rid of', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--max-semi-space-size=8',
    '--no-warnings',
    '--input-type=module-typescript',
    '--eval',
    program,
  ]);
  const grownBytes = Number.parseInt(stdout, 10);
  expect(grownBytes).toBeGreaterThan(-4_000_000);
  // Tied to the context itself it is 160 MB, or what is left of that when the heap was looked through last.
  expect(grownBytes).toBeLessThan(4_000_000);
});

describe('a context that is lent', () => {
  const app = new Koa();
  const createContext = () => app.createContext({ headers: {} } as never, {} as never);
  const tieTo = (ctx: object, value: unknown) => Object.defineProperty(ctx, 'oidc', { get: () => value });

  it('shows what was tied to it, and another context does not', () => {
    const [ctx, other] = [createContext(), createContext()];
    const lent = lendToEngine(ctx);
    tieTo(lent, 'of the first');
    expect([lent.oidc, ctx.oidc, other.oidc]).toEqual(['of the first', 'of the first', undefined]);
    tieTo(lendToEngine(other), 'of the second');
    expect([ctx.oidc, other.oidc]).toEqual(['of the first', 'of the second']);
  });

  it('is tied once', () => {
    const ctx = createContext();
    tieTo(lendToEngine(ctx), 'first');
    expect(() => tieTo(lendToEngine(ctx), 'second')).toThrow(TypeError);
    expect(ctx.oidc).toBe('first');
  });

  it('is the same in everything else', () => {
    const ctx = createContext();
    const lent = lendToEngine(ctx);
    lent.state.seen = true;
    lent['own'] = 1;
    Object.defineProperty(lent, 'defined', { get: () => 2 });
    expect([ctx.state.seen, ctx['own'], ctx['defined'], lent.req === ctx.req]).toEqual([true, 1, 2, true]);
  });
});
