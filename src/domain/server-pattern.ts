/** Patterns of servers: a resource URI in which `*` stands for any characters; in the host, for any but a slash. */
import { fitsPattern } from './name-pattern.ts';

const parts = /^(https?:\/\/[^/?]*)(.*)$/s;

/** Whether a resource URI, in the form that is compared, fits a pattern. */
export function fitsServerPattern(pattern: string, resourceKey: string): boolean {
  if (pattern === '*') return true;
  const [, place = '', path = ''] = parts.exec(pattern) ?? [];
  const [, keyPlace = '', keyPath = ''] = parts.exec(resourceKey) ?? [];
  return place !== '' && keyPlace !== '' && fitsPattern(place.toLowerCase(), keyPlace) && fitsPattern(path === '/' ? '' : path, keyPath);
}
