import type { InputFault } from './input-fault.ts';
import { isJsonObject, ownValue } from './json-rpc.ts';

/** How large arguments may be. */
export interface InputBounds {
  readonly maxValues: number;
  readonly maxDepth: number;
}

/**
 * The first fault that no schema says anything of: too much, too deep, or a member that changes the prototype of
 * whatever a handler copies it into (`__proto__`, `constructor.prototype`). Looks no further than the bounds.
 */
export function findOutOfBounds(value: unknown, bounds: InputBounds): InputFault | undefined {
  let left = bounds.maxValues;

  function look(item: unknown, path: readonly string[]): InputFault | undefined {
    if (typeof item !== 'object' || item === null) return undefined;
    if (path.length >= bounds.maxDepth) return { path, rule: `arguments are nested at most ${bounds.maxDepth} deep` };
    for (const name of Object.keys(item)) {
      left -= 1;
      const below = [...path, name];
      if (left < 0) return { path: below, rule: `arguments hold at most ${bounds.maxValues} values` };
      if (isPoisonous(item, name)) return { path: below, rule: 'no argument has this name' };
      const fault = look((item as Record<string, unknown>)[name], below);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  return look(value, []);
}

/** A `constructor` alone is a word like others. */
function isPoisonous(holder: object, name: string): boolean {
  if (name === '__proto__') return true;
  if (name !== 'constructor') return false;
  const value = ownValue(holder, name);
  return isJsonObject(value) && Object.hasOwn(value, 'prototype');
}
