import type { Account, KoaContextWithOIDC } from 'oidc-provider';
import type { UserId } from '../domain/ids.ts';
import { describeUser } from '../services/describe-user.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { stateOf } from './request-state.ts';

/**
 * The engine's `findAccount`: a person who may sign in. At the token endpoint nobody is looked up here, because the access token is
 * made of a look at everything, on the request's own transaction; only an ID token needs the person's claims.
 */
export async function findAccount(environment: EngineEnvironment, ctx: KoaContextWithOIDC, id: string): Promise<Account | undefined> {
  const { runtime, tenant } = environment;
  const userId = id as UserId;
  const { unit } = stateOf(ctx);
  const describe = () => (unit ? unit.read((db) => describeUser(db, tenant, userId)) : describeUser(runtime.store, tenant, userId));
  if (!unit && !(await describe())) return undefined;
  return {
    accountId: userId,
    claims: async () => {
      const user = await describe();
      return { sub: userId, ...(user && { email: user.email, ...(user.name !== undefined && { name: user.name }) }) };
    },
  };
}
