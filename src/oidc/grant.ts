import type Provider from 'oidc-provider';
import type { Grant } from 'oidc-provider';
import type { ClientId, UserId } from '../domain/ids.ts';
import { randomToken } from '../platform/random.ts';
import { identityScopesOf, MARKER_SCOPE } from './scopes.ts';

/** For whom a grant stands. */
export interface GrantParties {
  userId: UserId;
  clientId: ClientId;
  /** The registered string. */
  resource: string;
  /** As `toEngineScope` made it. */
  engineScope: string;
}

/**
 * Makes an engine grant: a marker for one installation and one resource, never widened and never rebuilt (ENG-10, ENG-27).
 * It has its id already and is yet to be saved, once what it stands for is recorded.
 */
export function prepareGrant(provider: Provider, parties: GrantParties): { grant: Grant; grantId: string } {
  const { userId, clientId, resource, engineScope } = parties;
  const grant = new provider.Grant({ accountId: userId, clientId });
  grant.addResourceScope(resource, MARKER_SCOPE);
  const identity = identityScopesOf(engineScope);
  if (identity.length > 0) grant.addOIDCScope(identity);
  const grantId = randomToken();
  grant.jti = grantId;
  return { grant, grantId };
}
