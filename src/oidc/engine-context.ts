/**
 * The context that the engine works on. It ties itself to a context by an accessor of that one context alone, and V8 makes a shape for
 * each such object, which lives outside of the young generation and keeps the accessor alive, and by it the whole request, until all of the
 * heap is looked through. What is handed to the engine here keeps the accessor's function as a plain member instead, which one accessor
 * of all contexts calls.
 */
import type { Context } from 'koa';

/** Where the engine's accessor function is kept. */
const tie = Symbol('oidc');

type Tied = Context & { [tie]?: () => unknown };

/** The same context, but for how the engine ties itself to it. Both show `oidc` from then on; a second engine is refused, as without this. */
export function lendToEngine(ctx: Context): Context {
  showTie(Object.getPrototypeOf(ctx));
  return new Proxy<Tied>(ctx, {
    defineProperty(target, name, descriptor) {
      if (name !== 'oidc' || !descriptor.get) return Reflect.defineProperty(target, name, descriptor);
      if (target[tie]) return false;
      target[tie] = descriptor.get;
      return true;
    },
  });
}

/** Once for each koa application: all its contexts inherit from one object. An heir of a context would be a shape of its own again. */
function showTie(contexts: object): void {
  if (Object.hasOwn(contexts, 'oidc')) return;
  if (contexts === Object.prototype || Object.hasOwn(contexts, 'req')) throw new TypeError("what is lent is no application's context");
  Object.defineProperty(contexts, 'oidc', {
    get(this: Tied) {
      return this[tie]?.();
    },
  });
}
