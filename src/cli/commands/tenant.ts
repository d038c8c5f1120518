import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { TenantIssuerProblem } from '../../domain/tenant-address.ts';
import type { TenantCreation } from '../../services/create-tenant.ts';
import type { Origin, Tenant } from '../../services/runtime.ts';
import { BadUsage, CommandFailed } from '../failure.ts';
import { getTenant } from '../find-tenant.ts';
import type { Io } from '../io.ts';
import { type Call, group, inOffice, leaf } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';

type TenantOffice = Office & { origin: Origin };

/** Tenants: issuers of their own in one installation. */
export function addTenantCommands(program: Command, io: Io): void {
  const tenant = group(program, 'tenant', 'issuers of their own, each with its users, clients, servers and keys');
  leaf(tenant, 'create', 'make a tenant; running issuers serve it within a second')
    .argument('<slug>', 'names it in URLs and commands: a-z, 0-9 and hyphens')
    .requiredOption('--name <name>', 'what operators read')
    .option('--issuer <url>', 'an issuer URL of its own, which must lead here (default: <base>/t/<slug>)')
    .action(inOffice(io, create));
  leaf(tenant, 'list', 'list all tenants').action(inOffice(io, list));
  leaf(tenant, 'show', 'show a tenant and what it is set to').argument('[slug]', 'the tenant', 'root').action(inOffice(io, show));
  leaf(tenant, 'set', 'set a tenant to something else; running issuers go by it within a second')
    .usage('[options] [slug] <name>=<value> …')
    .argument('[words...]', 'the tenant (default: root), and settings as in docs/tenant-settings.md; with nothing after "=": the default')
    .action(inOffice(io, set));
}

async function create({ runtime, origin }: TenantOffice, { args, options }: Call): Promise<Report> {
  const { createTenant } = await import('../../services/create-tenant.ts');
  const [slug = ''] = args;
  const issuer = options['issuer'] as string | undefined;
  const made = await createTenant(runtime, { slug, name: String(options['name']), origin, ...(issuer !== undefined && { issuer }) });
  if (!made.ok) throw creationFailure(slug, made.problem);
  const { tenant } = made;
  const firstAdmin = `toolgrant user create --admin --email <email> --tenant ${tenant.slug}`;
  return {
    json: toJson(tenant),
    text: `The tenant "${tenant.slug}" is made (${tenant.id}).\n\nIssuer:  ${tenant.issuer}\n\nIts first administrator: ${firstAdmin}`,
  };
}

function creationFailure(slug: string, problem: Extract<TenantCreation, { ok: false }>['problem']): CommandFailed {
  if (problem.about === 'issuer') {
    return new CommandFailed(`issuer-${problem.problem.problem}`, `${plainText(problem.issuer)} ${issuerWords(problem.problem)}`);
  }
  const named = `"${plainText(slug)}"`;
  switch (problem.problem) {
    case 'malformed':
      return new CommandFailed('slug-malformed', `${named} cannot be a slug: 1 to 32 of a-z and 0-9, with single hyphens between them.`);
    case 'reserved':
      return new CommandFailed('slug-reserved', `${named} cannot be a slug: it would read as something else in commands. Take another.`);
    case 'taken':
      return new CommandFailed('slug-taken', `There is a tenant ${named} already. "toolgrant tenant list" shows all of them.`);
  }
}

function issuerWords(wrong: TenantIssuerProblem): string {
  switch (wrong.problem) {
    case 'not-http':
      return 'is no https URL. Write it whole: https://auth.example.com';
    case 'has-userinfo':
      return 'contains a user name or password. Leave them out.';
    case 'has-query':
      return 'contains a query or a fragment. Leave them out.';
    case 'plain-http':
      return 'is plain http, which is accepted on this machine only. Begin it with https://.';
    case 'not-canonical':
      return `is not in canonical form; write ${plainText(wrong.canonical)}`;
    case 'bad-host':
      return 'has a host name that ends with a dot. Leave it out.';
    case 'bad-path':
      return 'has a path that cannot be an issuer’s: up to four plain words, and none of the names that every host keeps for itself.';
    case 'nested':
      return `and ${plainText(wrong.other)} lie within each other: a request could mean either. Take another host, or a path beside it.`;
  }
}

async function list({ runtime }: TenantOffice): Promise<Report> {
  const { listTenants } = await import('../../services/list-tenants.ts');
  const tenants = await listTenants(runtime);
  const rows = tenants.map(({ slug, issuer, name, createdAt }) => [slug, issuer, name, minute(createdAt)]);
  return {
    json: tenants.map((tenant) => ({ ...toJson(tenant), createdAt: tenant.createdAt })),
    text: table(['TENANT', 'ISSUER', 'NAME', 'MADE'], rows),
  };
}

async function show(office: TenantOffice, { args }: Call): Promise<Report> {
  const { spellTenantSettings } = await import('../../domain/tenant-settings.ts');
  const tenant = await getTenant(office, args[0] ?? office.tenant.slug);
  const unread = await findUnread(office, tenant);
  const { slug, issuer, name, id, settings } = tenant;
  const spelled = spellTenantSettings(settings);
  const about = [`${plainText(name)} (${slug}, ${id})`, `Issuer:  ${issuer}`];
  const problems = unread.map(({ name: of, problem }) => `The stored setting ${of} ${problem}; the most careful value stands in for it.`);
  const blocks = [about.join('\n'), await settingsTable(spelled), ...(problems.length > 0 ? [problems.map(plainText).join('\n')] : [])];
  return { json: { ...toJson(tenant), settings: spelled, unread }, text: blocks.join('\n\n') };
}

async function findUnread({ runtime }: TenantOffice, tenant: Tenant) {
  const { listUnreadSettings } = await import('../../services/change-tenant-settings.ts');
  return listUnreadSettings(runtime, tenant);
}

async function settingsTable(spelled: Readonly<Record<string, string>>): Promise<string> {
  const { allTenantSettings } = await import('../../domain/tenant-settings.ts');
  const rows = allTenantSettings.map((entry) => {
    const value = spelled[entry.name] ?? '';
    const standard = entry.spell(entry.default);
    return [entry.name, value === '' ? '(empty)' : value, value === standard ? '' : `(default: ${standard === '' ? 'empty' : standard})`];
  });
  return table(['SETTING', 'VALUE', ''], rows);
}

async function set(office: TenantOffice, { args }: Call): Promise<Report> {
  const [first = ''] = args;
  const [slug, pairs] = first.includes('=') ? [office.tenant.slug, args] : [first, args.slice(1)];
  const written = readPairs(pairs);
  const tenant = await getTenant(office, slug);
  const { changeTenantSettings } = await import('../../services/change-tenant-settings.ts');
  const { spellTenantSettings } = await import('../../domain/tenant-settings.ts');
  const change = await changeTenantSettings(office.runtime, tenant, { written, origin: office.origin });
  if (!change.ok) {
    const lines = change.problems.map(({ name, problem, fix }) => plainText(`${name} ${problem}. ${fix}`));
    throw new CommandFailed('tenant-settings', lines.join('\n'));
  }
  const changed = Object.entries(change.changed).map(([name, { before, now }]) => plainText(`${name}: ${now} (was ${before})`));
  const text = changed.length > 0 ? changed.join('\n') : `Nothing changed: "${tenant.slug}" is set to that already.`;
  return { json: { ...toJson(tenant), settings: spellTenantSettings(change.settings), changed: change.changed }, text };
}

/** `name=value`, each name once. Throws `BadUsage`. */
function readPairs(pairs: readonly string[]): ReadonlyMap<string, string> {
  const written = new Map<string, string>();
  if (pairs.length === 0) throw new BadUsage('What is it to be set to? Write <name>=<value>; "toolgrant tenant show" lists the names.');
  for (const pair of pairs) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || value === undefined) throw new BadUsage(`"${plainText(pair)}" is no <name>=<value>.`);
    if (written.has(name)) throw new BadUsage(`${plainText(name)} is given twice.`);
    written.set(name, value);
  }
  return written;
}

function toJson({ id, slug, issuer, name }: { id: string; slug: string; issuer: string; name: string }) {
  return { id, slug, issuer, name };
}
