import type { UserId } from '../domain/ids.ts';
import type { Database } from '../store/client.ts';
import { findUser } from '../store/users.ts';
import type { Tenant } from './runtime.ts';

/** What an ID token may say about a person. */
export interface UserDescription {
  id: UserId;
  email: string;
  name?: string;
}

/** Describes a person who may sign in; undefined for one who is unknown or disabled. */
export async function describeUser(db: Database, tenant: Tenant, userId: UserId): Promise<UserDescription | undefined> {
  const user = await findUser(db, tenant.id, userId);
  if (!user || user.disabledAt) return undefined;
  return { id: user.id, email: user.email, ...(user.name !== undefined && { name: user.name }) };
}
