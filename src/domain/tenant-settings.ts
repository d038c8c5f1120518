/**
 * What a tenant is set to. `tenantSettings` is the one list: an entry there is a member of `TenantSettings`, and thereby known to
 * `tenant set` and `tenant show`, to docs/tenant-settings.md, and to running issuers within a second. Values are stored as they are
 * written on the command line, by name; what is not stored has its default.
 */
import { type AuditRetention, auditRetentionForm } from './audit-retention.ts';
import { hostList } from './host-patterns.ts';
import { type QuarantineSetting, quarantineForm } from './quarantine.ts';
import { oneOf, type Read } from './tenant-setting-forms.ts';

/** One setting of a tenant. */
export interface TenantSetting<Value> {
  /** As written before `=`. */
  name: string;
  /** One or two sentences for docs/tenant-settings.md, in Markdown. */
  description: string;
  /** What may be written after `=`; completes "Set it to …". */
  form: string;
  default: Value;
  /** Stands in for a stored value that cannot be read, one of a newer version say: the most careful one. */
  careful: Value;
  /** Reads what is written after `=`. */
  read(text: string): Read<Value>;
  /** The one spelling of a value; `read` gives it back. */
  spell(value: Value): string;
}

function setting<Value>(entry: TenantSetting<Value>): TenantSetting<Value> {
  return entry;
}

/** Every setting of a tenant, by the member of `TenantSettings` that has its value. */
export const tenantSettings = {
  registration: setting({
    name: 'registration',
    description:
      'Whether MCP clients may register themselves (RFC 7591): all of them (`open`), those that show an initial access token (`token`; `toolgrant registration-token create` makes one), or none (`off`). Clients that are registered already go on; while it is off they cannot change their registrations.',
    form: '`open`, `token` or `off`',
    default: 'open',
    careful: 'off',
    ...oneOf('open', 'token', 'off'),
  }),
  metadataDocuments: setting({
    name: 'metadata-documents',
    description:
      'Whether the URL of a client’s metadata document is accepted as its client id (`on`; see docs/metadata-documents.md), so that clients need not register. While it is `off`, such clients cannot ask people for anything; what they were allowed before goes on, until an administrator ends it (`toolgrant client remove`).',
    form: '`on` or `off`',
    default: 'on',
    careful: 'off',
    ...oneOf('on', 'off'),
  }),
  documentHosts: setting<readonly string[]>({
    name: 'document-hosts',
    description:
      'The hosts whose metadata documents are accepted: names as in `claude.ai`, `*.example.com` for all names below one, `*` for all hosts, separated by commas; `none` for no host.',
    form: 'hosts separated by commas, `*` or `none`',
    default: ['*'],
    careful: [],
    ...hostList,
  }),
  deniedDocumentHosts: setting<readonly string[]>({
    name: 'denied-document-hosts',
    description: 'The hosts whose metadata documents are refused, in the same form. It outweighs `document-hosts`.',
    form: 'hosts separated by commas, `*` or `none`',
    default: [],
    careful: ['*'],
    ...hostList,
  }),
  quarantine: setting<QuarantineSetting>({
    name: 'quarantine',
    description:
      'What clients may do that nobody has verified: everything that people allow (`off`), or tools that only read, until an administrator verifies them (`until-verified`, `toolgrant client verify`) or until so long after they were first seen, or last became another one (a duration such as `7d`). Clients that were made by an administrator are not concerned. When it begins, access tokens of such clients end within seconds and come back narrower; what people allowed stays, and counts again when the quarantine is over.',
    form: '`off`, `until-verified`, or a duration of at most `365d`',
    default: 'off',
    careful: 'until-verified',
    ...quarantineForm,
  }),
  riskierTools: setting({
    name: 'riskier-tools',
    description:
      'Who looks at a tool that has become riskier since people allowed it, before agents may use it again: each of them (`people`), or also an administrator for everybody (`administrators`, `toolgrant server tool <server> <tool> --accept`). What was accepted stays accepted when this is set back.',
    form: '`people` or `administrators`',
    default: 'people',
    careful: 'people',
    ...oneOf('people', 'administrators'),
  }),
  auditRetention: setting<AuditRetention>({
    name: 'audit-retention',
    description:
      'How long the audit events of this tenant are kept; then whole months of them go, and their seals stay. It counts from the next `toolgrant migrate` on, or the next start with the embedded database: only the owner of the database can have events removed sooner.',
    form: '`installation` (as long as TOOLGRANT_AUDIT_RETENTION says), or a duration from `30d` to `36500d`',
    default: 'installation',
    careful: 'installation',
    ...auditRetentionForm,
  }),
} as const;

type Table = typeof tenantSettings;
type ValueOf<Entry> = Entry extends TenantSetting<infer Value> ? Value : never;

/** The values of all settings of one tenant. */
export type TenantSettings = { readonly [Key in keyof Table]: ValueOf<Table[Key]> };

const entries = Object.entries(tenantSettings) as [keyof Table, TenantSetting<unknown>][];

/** Every setting, in the order of the list. */
export const allTenantSettings: readonly TenantSetting<unknown>[] = entries.map(([, entry]) => entry);

/** A tenant that was never set to anything. */
export const defaultTenantSettings = valuesBy((entry) => entry.default);

/** Values as stored: by name, as they are written on the command line. */
export type StoredSettings = Readonly<Record<string, string>>;

/** A stored setting that means nothing to this version. */
export interface UnreadSetting {
  name: string;
  problem: string;
}

/**
 * Reads stored settings, whatever they hold: an issuer must not stop over them. What cannot be read is named, and the careful value
 * stands in for it; unknown names change nothing.
 */
export function readTenantSettings(stored: unknown): { settings: TenantSettings; unread: readonly UnreadSetting[] } {
  const isRecord = typeof stored === 'object' && stored !== null && !Array.isArray(stored);
  const members = new Map<string, unknown>(isRecord ? Object.entries(stored) : []);
  const unread: UnreadSetting[] = isRecord ? [] : [{ name: '*', problem: 'are no object' }];
  for (const name of members.keys()) {
    if (!allTenantSettings.some((entry) => entry.name === name)) unread.push({ name, problem: 'is unknown' });
  }
  const settings = valuesBy((entry) => {
    if (!isRecord) return entry.careful;
    if (!members.has(entry.name)) return entry.default;
    const text = members.get(entry.name);
    const read: Read<unknown> = typeof text === 'string' ? entry.read(text) : { problem: 'is no text' };
    if ('value' in read) return read.value;
    unread.push({ name: entry.name, problem: read.problem });
    return entry.careful;
  });
  return { settings, unread };
}

/** What is wrong with a change that was asked for. */
export interface SettingProblem {
  name: string;
  problem: string;
  fix: string;
}

/** Reads a change: names with what is written after `=`; empty is back to the default, which is null in the outcome. All problems at once. */
export function readSettingChanges(
  written: ReadonlyMap<string, string>,
): { ok: true; changes: Readonly<Record<string, string | null>> } | { ok: false; problems: readonly SettingProblem[] } {
  const changes: Record<string, string | null> = {};
  const problems: SettingProblem[] = [];
  const known = allTenantSettings.map(({ name }) => name);
  for (const [name, text] of written) {
    const entry = allTenantSettings.find((one) => one.name === name);
    if (!entry) {
      problems.push({ name, problem: 'is no setting of a tenant', fix: `There are: ${known.join(', ')}.` });
      continue;
    }
    const read: Read<unknown> = text.trim() === '' ? { value: entry.default } : entry.read(text.trim());
    if ('problem' in read) problems.push({ name, problem: read.problem, fix: `Set it to ${entry.form.replaceAll('`', '')}.` });
    else changes[name] = text.trim() === '' ? null : entry.spell(read.value);
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, changes };
}

/** Every setting with its value, as it is written on the command line. */
export function spellTenantSettings(settings: TenantSettings): StoredSettings {
  return Object.fromEntries(entries.map(([key, entry]) => [entry.name, entry.spell(settings[key])]));
}

/** Whether every setting has the same value. */
export function areSameSettings(a: TenantSettings, b: TenantSettings): boolean {
  return a === b || entries.every(([key, entry]) => a[key] === b[key] || entry.spell(a[key]) === entry.spell(b[key]));
}

function valuesBy(pick: (entry: TenantSetting<unknown>) => unknown): TenantSettings {
  return Object.fromEntries(entries.map(([key, entry]) => [key, pick(entry)])) as unknown as TenantSettings;
}
