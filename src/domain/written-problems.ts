/** What is wrong with something that was written down, one problem for each place. */
import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';

/** A problem: a clause that follows the place it is at. */
export interface WrittenProblem {
  path: readonly (string | number)[];
  problem: string;
  /** Whether `path` is a member that should not be there: what is wrong is its name. */
  isUnknownName?: boolean;
}

/** A form's members, for telling which name was probably meant. */
export type KnownNames = readonly string[];

/** Lists all problems that a schema found. */
export function listProblems(error: z.ZodError, known: KnownNames = []): WrittenProblem[] {
  const all = error.issues.flatMap((issue) => expand(issue, { at: [], known }));
  // Where a name is misspelled, what is missing by its right name is the same problem.
  const misspelled = new Set(all.filter(({ isUnknownName }) => isUnknownName).map(({ path }) => JSON.stringify(path.slice(0, -1))));
  const meant = new Set(
    all.flatMap(({ path, isUnknownName }) => {
      const near = isUnknownName && nearName(String(path.at(-1)), known);
      return near ? [JSON.stringify([...path.slice(0, -1), near])] : [];
    }),
  );
  return all.filter(({ path, isUnknownName }) => {
    const place = JSON.stringify(path);
    return isUnknownName || !(misspelled.has(place) || meant.has(place));
  });
}

/** Hardly anything is near to a name of one or two letters, or of very many. */
function nearName(name: string, known: KnownNames): string | undefined {
  return name.length > 2 && name.length <= 60 ? nearestName(name, known) : undefined;
}

type Issue = z.core.$ZodIssue;

function expand(issue: Issue, { at, known }: { at: readonly (string | number)[]; known: KnownNames }): WrittenProblem[] {
  const path = [...at, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], problem: unknownWords(key, known), isUnknownName: true }));
  }
  if (issue.code === 'invalid_union') {
    // Of several forms, the one that fits but for something inside it is the one that was meant.
    const meant = issue.errors.find(
      (branch) => branch.length > 0 && branch.every((inner) => inner.path.length > 0 || inner.code !== 'invalid_type'),
    );
    if (meant) return meant.flatMap((inner) => expand(inner, { at: path, known }));
  }
  return [{ path, problem: issue.message }];
}

function unknownWords(key: string, known: KnownNames): string {
  const near = nearName(key, known);
  return near === undefined ? 'is unknown here: remove it' : `is unknown here: did you mean ${near}?`;
}
