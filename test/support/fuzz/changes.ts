/** Small changes to a request, as data. */
import type { Draft } from './draft.ts';

/** One change. Places are counted modulo what there is. */
export type Change =
  | { change: 'value'; at: number; value: string }
  | { change: 'drop'; at: number }
  | { change: 'twice'; at: number; value: string }
  | { change: 'add'; name: string; value: string }
  | { change: 'rename'; at: number; name: string }
  | { change: 'member'; at: number; value: unknown }
  | { change: 'new member'; name: string; value: unknown }
  | { change: 'member twice'; name: string; value: string }
  | { change: 'inside'; at: number; value: unknown }
  | { change: 'method'; method: string }
  | { change: 'path'; at: number; piece: string }
  | { change: 'header'; name: string; value: string }
  | { change: 'no header'; at: number }
  | { change: 'body'; bytes: string }
  | { change: 'type'; value: string }
  | { change: 'as form' }
  | { change: 'to query' };

/** The list that a change of a parameter is about: the form's, else the query's. */
function withPairs(draft: Draft, edit: (pairs: [string, string][]) => [string, string][]): Draft {
  if (draft.body?.kind === 'form') return { ...draft, body: { kind: 'form', pairs: edit([...draft.body.pairs]) } };
  return { ...draft, query: edit([...draft.query]) };
}

/** Makes it. */
export function applyChange(draft: Draft, change: Change): Draft {
  switch (change.change) {
    case 'value':
      return withPairs(draft, (pairs) => replaceAt(pairs, change.at, ([name]) => [[name, change.value]]));
    case 'drop':
      return draft.body?.kind === 'json'
        ? dropMember(draft, change.at)
        : withPairs(draft, (pairs) => replaceAt(pairs, change.at, () => []));
    case 'twice':
      return withPairs(draft, (pairs) => replaceAt(pairs, change.at, (pair) => [pair, [pair[0], change.value]]));
    case 'add':
      return withPairs(draft, (pairs) => [...pairs, [change.name, change.value]]);
    case 'rename':
      return withPairs(draft, (pairs) => replaceAt(pairs, change.at, ([, value]) => [[change.name, value]]));
    case 'member':
      return withMembers(draft, (members) => replaceAt(members, change.at, ([name]) => [[name, change.value]]));
    case 'new member':
      return withMembers(draft, (members) => [...members.filter(([name]) => name !== change.name), [change.name, change.value]]);
    case 'member twice':
      return draft.body?.kind === 'json'
        ? { ...draft, body: { ...draft.body, more: [...(draft.body.more ?? []), [change.name, change.value]] } }
        : draft;
    case 'inside':
      return withMembers(draft, (members) =>
        replaceAt(members, change.at, ([name, value]) => [[name, Array.isArray(value) ? [...value, change.value] : [change.value]]]),
      );
    case 'method':
      return { ...draft, method: change.method };
    case 'path':
      return { ...draft, path: insertInto(draft.path, change.at, change.piece) };
    case 'header':
      return { ...draft, headers: [...draft.headers, [change.name, change.value]] };
    case 'no header':
      return { ...draft, headers: replaceAt(draft.headers, change.at, () => []) };
    case 'body':
      return { ...draft, body: { kind: 'bytes', bytes: change.bytes }, headers: typed(draft) };
    case 'type':
      return { ...draft, headers: [...draft.headers, ['Content-Type', change.value]] };
    case 'as form':
      return draft.body?.kind === 'json'
        ? { ...draft, body: { kind: 'form', pairs: membersOf(draft).map(([name, value]) => [name, String(JSON.stringify(value))]) } }
        : draft;
    case 'to query':
      return draft.body?.kind === 'form' ? { ...draft, query: [...draft.query, ...draft.body.pairs] } : draft;
    default:
      return change satisfies never;
  }
}

/** Keeps the type that the honest body had, so that bytes are read as what they are not. */
function typed({ headers, body }: Draft): [string, string][] {
  if (headers.some(([name]) => name === 'Content-Type')) return headers;
  return [...headers, ['Content-Type', body?.kind === 'json' ? 'application/json' : 'application/x-www-form-urlencoded']];
}

function membersOf({ body }: Draft): [string, unknown][] {
  const isObject = body?.kind === 'json' && typeof body.value === 'object' && body.value !== null && !Array.isArray(body.value);
  return isObject ? Object.entries(body.value as object) : [];
}

function withMembers(draft: Draft, edit: (members: [string, unknown][]) => [string, unknown][]): Draft {
  if (draft.body?.kind !== 'json') return draft;
  return { ...draft, body: { ...draft.body, value: Object.fromEntries(edit(membersOf(draft))) } };
}

function dropMember(draft: Draft, place: number): Draft {
  return withMembers(draft, (members) => replaceAt(members, place, () => []));
}

function replaceAt<T>(list: readonly T[], place: number, make: (value: T) => T[]): T[] {
  if (list.length === 0) return [];
  const chosen = place % list.length;
  return list.flatMap((value, index) => (index === chosen ? make(value) : [value]));
}

/** Behind one of the path's segments; the first place is its end. */
function insertInto(path: string, place: number, piece: string): string {
  const segments = path.split('/');
  const behind = segments.length - 1 - (place % segments.length) || segments.length - 1;
  return `${segments.slice(0, behind + 1).join('/')}${piece}${behind + 1 < segments.length ? '/' : ''}${segments.slice(behind + 1).join('/')}`;
}
