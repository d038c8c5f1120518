import { parseEmail } from '../domain/email-address.ts';
import { findUserByEmail, listUsers as listUserRows, type StoredUser } from '../store/users.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Lists all accounts, in the order of their addresses; for administrators. */
export async function listUsers(runtime: Runtime, tenant: Tenant): Promise<StoredUser[]> {
  return listUserRows(runtime.store, tenant.id);
}

/** Finds an account by its address as typed, disabled ones included; for administrators. */
export async function findUserOfEmail(runtime: Runtime, tenant: Tenant, typed: string): Promise<StoredUser | undefined> {
  const email = parseEmail(typed);
  return email === undefined ? undefined : findUserByEmail(runtime.store, tenant.id, email);
}
