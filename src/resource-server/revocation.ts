import type { JWTVerifyGetKey } from 'jose';
import { invalidToken, unavailable } from './access-error.ts';
import { BoundedMap } from './bounded-map.ts';
import type { IssuerHttp } from './issuer-http.ts';
import { type KeptDocument, keepDocument } from './kept-document.ts';
import { readStatusListToken, type StatusList } from './status-list.ts';
import type { StatusReference } from './token-facts.ts';

const MAX_TOKEN_BYTES = 4 * 1024 * 1024;
const MAX_LISTS = 256;

/** How old a status list may be. */
export interface RevocationOptions {
  readonly issuer: string;
  readonly algorithms: readonly string[];
  readonly clockToleranceSeconds: number;
  /** A list older than this is fetched again before it is believed. */
  readonly freshSeconds: number;
  /** While the issuer is away, a list is believed up to this age. */
  readonly usableSeconds: number;
  readonly findKey: JWTVerifyGetKey;
  readonly http: IssuerHttp;
  readonly now: () => Date;
}

/** Tells whether tokens were revoked, by the issuer's status lists. */
export interface Revocation {
  /** The list that decides, when it is fresh enough to decide at once. */
  peek(uri: string): StatusList | undefined;
  /** The list that decides, fetched first when it is too old. Throws `temporarily_unavailable`. */
  getList(uri: string): Promise<StatusList>;
}

/** Keeps each status list by its age; a fetch is shared by all who need that list. */
export function createRevocation(options: RevocationOptions): Revocation {
  const lists = new BoundedMap<string, KeptDocument<StatusList>>({ maxWeight: MAX_LISTS });

  async function load(uri: string): Promise<StatusList> {
    try {
      const bytes = await options.http.get(uri, {
        accept: 'application/statuslist+jwt',
        maxBytes: MAX_TOKEN_BYTES,
      });
      return await readStatusListToken(new TextDecoder().decode(bytes).trim(), {
        ...options,
        uri,
        now: options.now(),
      });
    } catch (cause) {
      throw unavailable('status_list', cause);
    }
  }

  return {
    peek: (uri) => lists.get(uri)?.peek(),
    getList(uri) {
      let list = lists.get(uri);
      if (list === undefined) {
        list = keepDocument({
          now: options.now,
          freshSeconds: options.freshSeconds,
          usableSeconds: options.usableSeconds,
          retrySeconds: 2,
          load: () => load(uri),
        });
        lists.set(uri, list);
      }
      return list.get();
    },
  };
}

/** Throws `invalid_token` unless the list says VALID. An index that the list does not have is no permission. */
export function refuseRevoked(list: StatusList, reference: StatusReference): void {
  if (reference.index >= list.length) throw invalidToken('status_reference');
  if (list.statusAt(reference.index) !== 0) throw invalidToken('revoked');
}
