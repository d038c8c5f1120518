/** Lists that come by the page. A page is found by its place, not by counting what comes before it. Pure. */

/** Which page: right behind a place, right before one, or the first. */
export interface ListPage<Place> {
  after?: Place;
  before?: Place;
  /** How many entries it holds at most. */
  limit: number;
}

/** One page, and where its neighbours are. A neighbour that is named may turn out empty when others change meanwhile. */
export interface FoundPage<Entry, Place> {
  entries: Entry[];
  /** What comes before the first of this page. */
  previous?: Place;
  /** What comes behind the last. */
  next?: Place;
}

/** What to look for: one entry more than a page holds says whether there is a further page. */
export function withOneMore<Place>(page: ListPage<Place>): ListPage<Place> {
  return { ...page, limit: page.limit + 1 };
}

/** Cuts a page out of what was found {@link withOneMore} in the order of the list. */
export function cutPage<Entry, Place>(
  found: readonly Entry[],
  { limit, after, before }: ListPage<Place>,
  placeOf: (entry: Entry) => Place,
): FoundPage<Entry, Place> {
  const isMore = found.length > limit;
  const entries = before === undefined ? found.slice(0, limit) : found.slice(-limit);
  const [first, last] = [entries[0], entries.at(-1)];
  const hasPrevious = before === undefined ? after !== undefined : isMore;
  const hasNext = before === undefined ? isMore : true;
  return {
    entries,
    ...(first !== undefined && hasPrevious && { previous: placeOf(first) }),
    ...(last !== undefined && hasNext && { next: placeOf(last) }),
  };
}
