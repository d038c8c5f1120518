import { parseEmail } from '../domain/email-address.ts';
import type { UserId } from '../domain/ids.ts';
import {
  findEmails as findEmailsOf,
  findUserByEmail,
  hasAdmin as hasAdminRow,
  listUsers as listUserRows,
  type StoredUser,
} from '../store/users.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Lists all accounts, in the order of their addresses; for administrators. */
export async function listUsers(runtime: Runtime, tenant: Tenant): Promise<StoredUser[]> {
  return listUserRows(runtime.store, tenant.id);
}

/** Whether there is any administrator, disabled ones included. */
export async function hasAdmin(runtime: Runtime, tenant: Tenant): Promise<boolean> {
  return hasAdminRow(runtime.store, tenant.id);
}

/** The addresses of some people; whoever is gone is left out. */
export async function findEmails(runtime: Runtime, tenant: Tenant, ids: readonly UserId[]): Promise<Map<UserId, string>> {
  return findEmailsOf(runtime.store, tenant.id, ids);
}

/** Finds an account by its address as typed, disabled ones included; for administrators. */
export async function findUserOfEmail(runtime: Runtime, tenant: Tenant, typed: string): Promise<StoredUser | undefined> {
  const email = parseEmail(typed);
  return email === undefined ? undefined : findUserByEmail(runtime.store, tenant.id, email);
}
