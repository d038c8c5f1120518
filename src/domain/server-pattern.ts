/** Patterns of servers: a resource URI in which `*` stands for any characters; in the host, for any but a slash. */
import { fitsPattern } from './name-pattern.ts';
import { parseResourceUri } from './resource-uri.ts';
import { resourceUriWords } from './resource-uri-words.ts';

const parts = /^(https?:\/\/[^/?]*)(.*)$/s;

/** Whether a resource URI, in the form that is compared, fits a pattern in the same form. */
export function fitsServerPattern(pattern: string, resourceKey: string): boolean {
  if (pattern === '*') return true;
  const [, place = '', path = ''] = parts.exec(pattern) ?? [];
  const [, keyPlace = '', keyPath = ''] = parts.exec(resourceKey) ?? [];
  return place !== '' && keyPlace !== '' && fitsPlace(place.toLowerCase(), keyPlace) && fitsPattern(whole(path), whole(keyPath));
}

/** `:*` stands for no port as well: that is one, too. */
function fitsPlace(place: string, keyPlace: string): boolean {
  return fitsPattern(place, keyPlace) || (place.endsWith(':*') && fitsPattern(place.slice(0, -2), keyPlace));
}

/** Of `https://h` the path is `/`. */
function whole(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

const maxPatternCharacters = 2_048;
const noUrl = 'is no URL of a server: write it as registered (https://mcp.example.com/mcp), with * for any characters';

/**
 * Reads a pattern as it is written into the form that is compared: one that only looks like its server would fit nothing, and a rule
 * that denies would deny nothing. A problem is a clause that follows the pattern.
 */
export function parseServerPattern(written: string): { pattern: string } | { problem: string } {
  if (written === '*') return { pattern: written };
  if (!written.includes('*')) {
    const uri = parseResourceUri(written);
    if (!('problem' in uri)) return { pattern: uri.key };
    return { problem: uri.problem === 'not-absolute' || uri.problem === 'not-http' ? noUrl : resourceUriWords(uri.problem) };
  }
  if (written.length > maxPatternCharacters) return { problem: resourceUriWords('too-long') };
  if (written.includes('#')) return { problem: resourceUriWords('has-fragment') };
  const [, scheme = '', place = '', path = ''] = /^(https?):\/\/([^/?\s\\]+)([^\s\\]*)$/i.exec(written) ?? [];
  if (place === '') return { problem: noUrl };
  if (place.includes('@')) return { problem: resourceUriWords('has-userinfo') };
  const host = parsePlace(scheme.toLowerCase(), place);
  if ('problem' in host) return host;
  if (path === '' && place.includes('*'))
    return { problem: 'says nothing of the path: add /* for every server at such a host, or / for the one without a path' };
  const { pathname, search } = new URL(`https://any.example${path}`);
  return { pattern: `${scheme.toLowerCase()}://${host.pattern}${pathname === '/' && !place.includes('*') ? '' : pathname}${search}` };
}

function parsePlace(scheme: string, place: string): { pattern: string } | { problem: string } {
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]+)((?::(?:\d{1,5}|\*))?)$/.exec(place) ?? [];
  if (host === '') return { problem: noUrl };
  if (!host.includes('*')) {
    const fixed = `${scheme}://${host}${port === ':*' ? '' : port}`;
    return URL.canParse(fixed) ? { pattern: `${new URL(fixed).host}${port === ':*' ? port : ''}` } : { problem: noUrl };
  }
  if (!/^[\w.*-]+$/.test(host))
    return {
      problem: 'has * in a host that is not plain ASCII: write names of other alphabets in their xn-- form (xn--bcher-kva.example)',
    };
  const number = port.replace(/^:0+(?=\d)/, ':');
  const isUsualPort = number === (scheme === 'https' ? ':443' : ':80');
  return { pattern: `${host.toLowerCase()}${isUsualPort ? '' : number}` };
}
