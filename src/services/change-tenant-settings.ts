import {
  readSettingChanges,
  readTenantSettings,
  type SettingProblem,
  spellTenantSettings,
  type TenantSettings,
  type UnreadSetting,
} from '../domain/tenant-settings.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { beginConsentSweep } from '../store/consent-sweeps.ts';
import { getStoredSettings, lockTenant, updateTenantSettings } from '../store/tenants.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { finishConsentSweep } from './sweep-consents.ts';

/** A setting that is another one now; both as they are written on the command line. */
export interface ChangedSetting {
  before: string;
  now: string;
}

/** The settings after a change, and which of them it changed, by name; or everything that was wrong with it. */
export type SettingsChange =
  | { ok: true; settings: TenantSettings; changed: Readonly<Record<string, ChangedSetting>> }
  | { ok: false; problems: readonly SettingProblem[] };

/**
 * Sets a tenant to something else: all of `written` or, when anything in it is wrong, nothing. Issuers that run go by it within a
 * second. What is stored and means nothing to this version stays.
 */
export async function changeTenantSettings(
  runtime: Pick<Runtime, 'store' | 'clock'>,
  tenant: Pick<Tenant, 'id'>,
  { written, origin }: { written: ReadonlyMap<string, string>; origin: Origin },
): Promise<SettingsChange> {
  const read = readSettingChanges(written);
  if (!read.ok) return read;
  const change = await transact(runtime.store, async (db): Promise<SettingsChange> => {
    await lockTenant(db, tenant.id);
    const stored = await getStoredSettings(db, tenant.id);
    const merged = Object.entries({ ...stored, ...read.changes }).filter((member): member is [string, string] => member[1] !== null);
    const next = Object.fromEntries(merged);
    const { settings } = readTenantSettings(next);
    const [before, now] = [spellTenantSettings(readTenantSettings(stored).settings), spellTenantSettings(settings)];
    const changed: Record<string, ChangedSetting> = {};
    for (const [name, value] of Object.entries(now)) {
      if (before[name] !== value) changed[name] = { before: before[name] ?? '', now: value };
    }
    await updateTenantSettings(db, tenant.id, next);
    if (changed['quarantine']) await beginConsentSweep(db, { tenantId: tenant.id }, runtime.clock.now());
    if (Object.keys(changed).length === 0) return { ok: true, settings, changed };
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'tenant.settings-changed',
      outcome: 'success',
      at: runtime.clock.now(),
      detail: { changed },
    });
    return { ok: true, settings, changed };
  });
  // Also when it was set to the same before: the sweep may have been interrupted.
  if (written.has('quarantine')) await finishConsentSweep(runtime, { tenantId: tenant.id });
  return change;
}

/** What is stored of a tenant's settings and cannot be read by this version; for operators. */
export async function listUnreadSettings(runtime: Pick<Runtime, 'store'>, { id }: Pick<Tenant, 'id'>): Promise<readonly UnreadSetting[]> {
  return readTenantSettings(await getStoredSettings(runtime.store, id)).unread;
}
