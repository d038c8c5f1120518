import { describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import { lendToEngine } from '../../../src/oidc/engine-context.ts';

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
