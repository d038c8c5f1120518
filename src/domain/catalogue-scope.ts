/** The scope of tokens that the issuer makes for itself: see the whole of `tools/list`, call nothing. No client is ever granted it. */
export { CATALOGUE_SCOPE as catalogueScope } from '../resource-server/scope.ts';
