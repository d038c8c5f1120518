import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { TenantIssuerProblem } from '../../domain/tenant-address.ts';
import type { TenantCreation } from '../../services/create-tenant.ts';
import type { Origin } from '../../services/runtime.ts';
import { CommandFailed } from '../failure.ts';
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

function toJson({ id, slug, issuer, name }: { id: string; slug: string; issuer: string; name: string }) {
  return { id, slug, issuer, name };
}
