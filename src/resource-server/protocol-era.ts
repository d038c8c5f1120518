import { isJsonObject, ownText, ownValue } from './json-rpc.ts';

/** The revision that made the protocol stateless; revisions are dates, so they compare as text. */
const FIRST_STATELESS_REVISION = '2026-07-28';

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

/** Whether a revision belongs to the stateless era. */
export function isStatelessRevision(revision: string | undefined): boolean {
  return revision !== undefined && revision >= FIRST_STATELESS_REVISION;
}
