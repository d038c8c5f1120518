/**
 * The public door of the resource-server library: what an MCP server needs to accept Toolgrant's
 * tokens. It verifies tokens, publishes the RFC 9728 document, makes challenges, and enforces tools
 * call by call. It issues nothing, stores nothing, and imports nothing but `jose`.
 */
export type { Access } from './access.ts';
export { AccessError, type AccessErrorCode, type AccessErrorReason } from './access-error.ts';
export type { FetchLike } from './ambient.ts';
export type { ReportOptions, Reports } from './call-recorder.ts';
export { type Answer, answerToAccessError } from './challenge.ts';
export type { ServerCredential } from './credentials.ts';
export {
  type Admission,
  createGuard,
  type Guard,
  type GuardedRequest,
  type GuardOptions,
} from './guard.ts';
export type { InputRules, ListedTool, SchemaValidator, ToolSource } from './input-rules.ts';
export { LIBRARY_NAME, LIBRARY_VERSION } from './library.ts';
export {
  type ProtectedResourceDocument,
  protectedResourceDocument,
  resourceMetadataPathOf,
  resourceMetadataUrlOf,
} from './protected-resource.ts';
export type { ReportStats } from './report-queue.ts';
export { createMessageFilter, type FilterMessage, needsFilter } from './response-filter.ts';
export {
  ADVERTISED_SCOPES,
  CATALOGUE_SCOPE,
  formatToolScope,
  isToolName,
  type ParsedScope,
  PROMPTS_SCOPE,
  parseScope,
  RESOURCES_SCOPE,
  splitScope,
  TOOL_SCOPE_PREFIX,
  TOOLS_LISTED_SCOPE,
  TOOLS_READ_SCOPE,
  TOOLS_SCOPE,
  toolNameOfScope,
} from './scope.ts';
export { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts';
