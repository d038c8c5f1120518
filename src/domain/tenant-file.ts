/**
 * What an administrator keeps of a tenant in a file: servers, clients, groups and the policy. `version` is that of this form. It holds no
 * secrets and no people. Descriptions here become docs/policy-reference.md and docs/tenant-file.schema.json.
 */
import { z } from 'zod';
import { type ClientMetadata, parseClientMetadata } from './client-metadata.ts';
import { distinct, whateverElse } from './distinct-entries.ts';
import { parseEmail } from './email-address.ts';
import { everyone } from './policy.ts';
import { groupName, policyForm, toPolicy } from './policy-form.ts';
import { parseResourceUri, type ResourceUri } from './resource-uri.ts';
import { resourceUriWords } from './resource-uri-words.ts';
import { type RiskProfile, risks } from './risk.ts';
import { isServerName } from './server-name.ts';

const resource = z.string(resourceUriWords('not-absolute')).transform((written, context): ResourceUri => {
  const parsed = parseResourceUri(written);
  if (!('problem' in parsed)) return parsed;
  context.addIssue({ code: 'custom', message: resourceUriWords(parsed.problem) });
  return z.NEVER;
});

const riskForm = z
  .strictObject(
    {
      risk: z.enum(risks as [string, ...string[]], 'is none of read, write, destructive').describe('What the tool may do at worst.'),
      'open-world': z.boolean('is neither true nor false').describe('Whether it reaches beyond its server.'),
    },
    'is no risk: {risk: write, open-world: false}',
  )
  .transform(({ risk, 'open-world': openWorld }) => ({ risk, openWorld }) as RiskProfile);

const { $schema: _, ...riskSchema } = z.toJSONSchema(riskForm, { io: 'input' });

/** By their names, whatever these are: a record of zod's leaves `__proto__` out without a word. */
const toolRisks = z
  .unknown()
  .meta({ type: 'object', additionalProperties: riskSchema })
  .transform((written, context): ReadonlyMap<string, RiskProfile> => {
    if (typeof written !== 'object' || written === null || Array.isArray(written)) {
      context.addIssue({
        code: 'custom',
        message: 'is no list of tools with their risk: {delete_issue: {risk: destructive, open-world: false}}',
      });
      return z.NEVER;
    }
    const risksByTool = new Map<string, RiskProfile>();
    for (const [tool, member] of Object.entries(written)) {
      const risk = riskForm.safeParse(member);
      if (risk.success) risksByTool.set(tool, risk.data);
      else for (const issue of risk.error.issues) context.issues.push({ ...issue, input: member, path: [tool, ...issue.path] });
    }
    return risksByTool;
  });

const serverName = 'is no name: at most 100 visible characters, which people read when they decide';

const serverForm = z.strictObject(
  {
    resource: resource.describe('Its URL, as clients type it. It names the server here, and never changes.'),
    name: z.string(serverName).refine(isServerName, serverName).describe('What people read when they decide.'),
    tools: toolRisks
      .optional()
      .describe(
        'What tools may do, by their names, instead of what the server says of them. Left out: stays as it is; `{}`: what the server says.',
      ),
  },
  'is no server: it has a resource and a name',
);

const authMethods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;
const clientId =
  'is no id for a client: 3 to 100 letters, digits and . _ -, beginning with a letter or digit. Clients that are a URL introduce themselves, and are not listed here';

const clientForm = z
  .strictObject(
    {
      id: z
        .string(clientId)
        .refine((id) => /^[A-Za-z0-9][A-Za-z0-9._-]{2,99}$/.test(id) && !/^(?:srv|key|svc)_/.test(id), clientId)
        .describe('Its client id. It never changes.'),
      name: z.string('is no name').describe('What people read when they decide.'),
      'redirect-uris': z.array(z.string('is no redirect URI'), 'is no list of redirect URIs').describe('Where answers go.'),
      auth: z
        .enum(authMethods, `is none of ${authMethods.join(', ')}`)
        .optional()
        .describe('How it proves itself. Default: `client_secret_basic`; `toolgrant client secret <id> --now` prints its secret.'),
      grants: z
        .array(z.enum(['authorization_code', 'refresh_token'], 'is neither authorization_code nor refresh_token'), 'is no list of grants')
        .optional()
        .describe('Default: both. Machine clients are made by `toolgrant client create`.'),
      jwks: z.looseObject({}, 'is no JWK set: {keys: [...]}').optional().describe('Its public keys, a JWK set; for `private_key_jwt`.'),
      'jwks-uri': z.string('is no URL').optional().describe('Where it publishes them instead.'),
    },
    'is no client: it has an id, a name and redirect-uris',
  )
  .transform(({ id, ...written }, context): { id: string; metadata: ClientMetadata } => {
    const parsed = parseClientMetadata({
      client_name: written.name,
      redirect_uris: written['redirect-uris'],
      token_endpoint_auth_method: written.auth ?? 'client_secret_basic',
      grant_types: written.grants,
      jwks: written.jwks,
      jwks_uri: written['jwks-uri'],
    });
    if (!parsed.ok) {
      context.addIssue({ code: 'custom', ...placeProblem(parsed.problem.reason) });
      return z.NEVER;
    }
    const { metadata } = parsed;
    for (const key of ['jwks', 'jwks-uri'] as const) {
      if (written[key] === undefined || metadata.authMethod === 'private_key_jwt') continue;
      context.addIssue({ code: 'custom', path: [key], message: 'means nothing without auth: private_key_jwt: leave it out' });
    }
    return { id, metadata };
  });

/** What the protocol's members are called in the file. */
const members: ReadonlyMap<string, string> = new Map([
  ['client_name', 'name'],
  ['redirect_uris', 'redirect-uris'],
  ['token_endpoint_auth_method', 'auth'],
  ['grant_types', 'grants'],
  ['jwks_uri', 'jwks-uri'],
  ['jwks', 'jwks'],
]);

/** Finds the member that a reason begins with, or an entry of it, and calls all members what they are called here. */
function placeProblem(reason: string): { path: (string | number)[]; message: string } {
  const [, member = '', index, rest = ''] = /^(\w+)(?:\[(\d+)\])?:? (.*)$/s.exec(reason) ?? [];
  const key = members.get(member);
  const words = (text: string) => text.replace(/\w+/g, (word) => members.get(word) ?? word);
  if (key === undefined) return { path: [], message: `cannot be: ${words(reason)}` };
  return { path: index === undefined ? [key] : [key, Number(index)], message: words(rest) };
}

const email = z.string('is no email address').transform((written, context) => {
  const parsed = parseEmail(written);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'is no email address: name@example.com' });
  return z.NEVER;
});

const groupForm = z.strictObject(
  {
    name: groupName.refine((name) => name.toLowerCase() !== everyone, `is everybody already: rules can name ${everyone} without it`),
    members: z
      .array(email, 'is no list of email addresses')
      .optional()
      .describe('Exactly the people in it, by their email addresses. Left out: stays as it is.'),
  },
  'is no group: it has a name, and mostly members',
);

/** The whole file. */
export const tenantFileForm = z.strictObject(
  {
    version: z.literal(1, 'is not 1: begin the file with "version: 1"').describe('The version of this form: 1.'),
    servers: z
      .array(serverForm, 'is no list of servers')
      .superRefine(distinct<z.output<typeof serverForm>>({ member: 'resource', keyOf: ({ resource: uri }) => uri?.key }), whateverElse)
      .optional()
      .describe('MCP servers. Those that are not listed stay as they are.'),
    clients: z
      .array(clientForm, 'is no list of clients')
      .superRefine(distinct({ member: 'id' }), whateverElse)
      .optional()
      .describe('Clients that an administrator makes. All others introduce themselves; those that are not listed stay as they are.'),
    groups: z
      .array(groupForm, 'is no list of groups')
      .superRefine(distinct({ member: 'name' }), whateverElse)
      .optional()
      .describe('Groups of people. Those that are not listed stay as they are.'),
    policies: policyForm
      .transform(toPolicy)
      .optional()
      .describe('The rules, all of them: together they are the policy. Left out: stays as it is.'),
  },
  'is no file of a tenant: it begins with "version: 1"',
);

/** What was read. */
export type TenantFile = z.output<typeof tenantFileForm>;

/** A server as it is written; its tools by their names. */
export type WrittenServer = Omit<z.input<typeof serverForm>, 'tools'> & { tools?: Record<string, z.input<typeof riskForm>> };

/** As it is written. */
export type WrittenTenantFile = Omit<z.input<typeof tenantFileForm>, 'servers'> & { servers?: WrittenServer[] };

/** Every name that a member of the file can have. */
export const tenantFileNames: readonly string[] = [
  ...['version', 'servers', 'clients', 'groups', 'policies', 'resource', 'name', 'tools', 'risk', 'open-world'],
  ...['id', 'redirect-uris', 'auth', 'grants', 'jwks', 'jwks-uri', 'members'],
  ...['effect', 'resources', 'prompts', 'for-at-most', 'signed-in-within', 'host', 'kind', 'verified'],
];
