import type Provider from 'oidc-provider';
import type { Grant } from 'oidc-provider';
import type { ClientId, UserId } from '../domain/ids.ts';
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

/** Makes an engine grant: a marker for one installation and one resource, never widened and never rebuilt (ENG-10, ENG-27). */
export async function createGrant(provider: Provider, parties: GrantParties): Promise<{ grant: Grant; grantId: string }> {
  const { userId, clientId, resource, engineScope } = parties;
  const grant = new provider.Grant({ accountId: userId, clientId });
  grant.addResourceScope(resource, MARKER_SCOPE);
  const identity = identityScopesOf(engineScope);
  if (identity.length > 0) grant.addOIDCScope(identity);
  return { grant, grantId: await grant.save() };
}
