import { expect, it } from '@jest/globals';
import { cutPage, type FoundPage, type ListPage, withOneMore } from '../../../src/domain/list-page.ts';

/** Finds in a list as a store does: behind a place, before one, or from the start. */
function find(list: readonly number[], page: ListPage<number>): number[] {
  const { after, before, limit } = withOneMore(page);
  if (before !== undefined) return list.filter((entry) => entry < before).slice(-limit);
  return list.filter((entry) => after === undefined || entry > after).slice(0, limit);
}

const pageOf = (list: readonly number[], page: ListPage<number>) => cutPage(find(list, page), page, (entry) => entry);

it.each([0, 1, 4, 5, 6, 10, 11, 23])('a list of %s comes by pages, each entry once, there and back', (length) => {
  const limit = 5;
  const list = Array.from({ length }, (_, index) => index + 1);
  const pages = [pageOf(list, { limit })];
  for (let after = pages[0]?.next; after !== undefined; after = pages.at(-1)?.next) pages.push(pageOf(list, { limit, after }));
  expect(pages.flatMap(({ entries }) => entries)).toEqual(list);
  expect(pages.map(({ entries }) => entries.length)).toEqual([
    ...pages.slice(1).map(() => limit),
    length === 0 ? 0 : length - (pages.length - 1) * limit,
  ]);
  expect(pages[0]?.previous).toBeUndefined();
  const back: FoundPage<number, number>[] = [];
  for (let before = pages.at(-1)?.previous; before !== undefined; before = back[0]?.previous) back.unshift(pageOf(list, { limit, before }));
  expect(back.map(({ entries }) => entries)).toEqual(pages.slice(0, -1).map(({ entries }) => entries));
  for (const { next } of back) expect(next).toBeDefined();
});

it('a page that others have emptied meanwhile names no neighbours', () => {
  expect(pageOf([1, 2], { limit: 5, after: 2 })).toEqual({ entries: [] });
  expect(pageOf([1, 2], { limit: 5, before: 1 })).toEqual({ entries: [] });
});
