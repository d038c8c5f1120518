import { isJsonObject, ownText, ownValue } from './json-rpc.ts';

/** The revision that made the protocol stateless; revisions are dates, so they compare as text. */
const FIRST_STATELESS_REVISION = '2026-07-28';

/** The revision that made an error of URL elicitation; the stateless ones have a result for it. */
const FIRST_REVISION_WITH_URL_ERRORS = '2025-11-25';

const REVISION_META_KEY = 'io.modelcontextprotocol/protocolVersion';

/** The revision a message itself claims, in its `_meta`; only messages of the new era claim one. */
export function claimedRevision(message: unknown): string | undefined {
  return ownText(ownValue(ownValue(message, 'params'), '_meta'), REVISION_META_KEY);
}

/** Whether a message carries the claim at all, be it well-formed or not. */
export function hasRevisionClaim(message: unknown): boolean {
  const meta = ownValue(ownValue(message, 'params'), '_meta');
  return isJsonObject(meta) && Object.hasOwn(meta, REVISION_META_KEY);
}

/** Whether a call of this revision may be refused with the error that names a page to open. */
export function hasUrlElicitationErrors(revision: string | undefined): boolean {
  return revision !== undefined && revision >= FIRST_REVISION_WITH_URL_ERRORS && !isStatelessRevision(revision);
}

/** Whether a revision belongs to the stateless era. */
export function isStatelessRevision(revision: string | undefined): boolean {
  return revision !== undefined && revision >= FIRST_STATELESS_REVISION;
}
