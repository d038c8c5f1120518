import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { IssuedLink } from '../../services/issue-link.ts';
import type { listUsers } from '../../services/list-users.ts';
import type { Origin } from '../../services/runtime.ts';
import { askNewPassword, canAsk, readPassword } from '../ask-password.ts';
import { CommandFailed } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, eitherOf, group, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';
import { userProblemWords } from '../words.ts';

type User = Awaited<ReturnType<typeof listUsers>>[number];
type UserOffice = Office & { origin: Origin };

/** Accounts. */
export function addUserCommands(program: Command, io: Io): void {
  const user = group(program, 'user', 'accounts: make, invite, list, disable');

  tenantLeaf(user, 'create', 'make an account; without a password its person follows an invitation')
    .requiredOption('--email <email>', 'the address to sign in with')
    .option('--name <name>', 'what agents may be told of the person, who allows it')
    .option('--admin', 'an administrator')
    .option('--password-stdin', 'read the password from standard input')
    .action(inOffice(io, (office, call) => create(io, office, call)));

  const byEmail = (name: string, description: string) =>
    tenantLeaf(user, name, description).argument('[email]', 'whose account').option('--email <email>', 'the same, as an option');

  byEmail('invite', 'print a one-time link with which a person sets her first password; makes the account if there is none')
    .option('--admin', 'an administrator, if the account is made')
    .action(inOffice(io, invite));
  byEmail('reset-password', 'print a one-time link with which a person sets another password').action(inOffice(io, resetPassword));
  byEmail('disable', 'end all sessions and tokens of an account, and keep it from signing in').action(inOffice(io, disable));
  byEmail('enable', 'let a disabled account sign in again').action(inOffice(io, enable));

  tenantLeaf(user, 'list', 'list all accounts').action(
    inOffice(io, async ({ runtime, tenant }) => {
      const services = await import('../../services/list-users.ts');
      const users = await services.listUsers(runtime, tenant);
      const rows = users.map((one) => [one.email, one.id, standingOf(one), minute(one.createdAt)]);
      const none = 'There is no account yet. Make one: toolgrant user create --email <email>';
      return { json: users.map(toJson), text: users.length > 0 ? table(['EMAIL', 'ID', 'STANDING', 'MADE'], rows) : none };
    }),
  );
}

async function create(io: Io, { runtime, tenant, origin }: UserOffice, { options }: Call): Promise<Report> {
  const { createUser } = await import('../../services/create-user.ts');
  const email = String(options['email']);
  const password = await passwordFor(io, options);
  const name = options['name'] as string | undefined;
  const made = await createUser(runtime, tenant, {
    email,
    isAdmin: options['admin'] === true,
    origin,
    ...(name !== undefined && { name }),
    ...(password !== '' && { password }),
  });
  if (!made.ok) throw new CommandFailed(made.problem, userProblemWords(made.problem, plainText(email)));
  const { user } = made;
  const what = `${user.isAdmin ? 'The administrator' : 'The account'} ${plainText(user.email)} is made (${user.id}).`;
  const next = user.hasPassword
    ? `It can sign in at ${tenant.issuer}/account`
    : `It has no password yet. Invite its person: toolgrant user invite ${plainText(user.email)}`;
  return { json: toJson(user), text: `${what}\n${next}` };
}

/** Never from an argument: those are seen by everyone who lists processes, and kept by shells. */
async function passwordFor(io: Io, options: Call['options']): Promise<string> {
  if (options['passwordStdin'] === true) return readPassword(io);
  return options['json'] !== true && canAsk(io) ? askNewPassword(io) : '';
}

async function invite(office: UserOffice, call: Call): Promise<Report> {
  const { runtime, tenant, origin } = office;
  const email = eitherOf(call, 'email');
  const { findUserOfEmail } = await import('../../services/list-users.ts');
  if (!(await findUserOfEmail(runtime, tenant, email))) {
    const { createUser } = await import('../../services/create-user.ts');
    const made = await createUser(runtime, tenant, { email, isAdmin: call.options['admin'] === true, origin });
    if (!made.ok && made.problem !== 'email-taken') throw new CommandFailed(made.problem, userProblemWords(made.problem, plainText(email)));
  }
  return link(office, { email, purpose: 'invitation' });
}

function resetPassword(office: UserOffice, call: Call): Promise<Report> {
  return link(office, { email: eitherOf(call, 'email'), purpose: 'password-reset' });
}

async function link(
  { runtime, tenant, origin }: UserOffice,
  { email, purpose }: { email: string; purpose: 'invitation' | 'password-reset' },
): Promise<Report> {
  const { issueLink } = await import('../../services/issue-link.ts');
  const user = await getUser({ runtime, tenant }, email);
  const issued = await issueLink(runtime, tenant, { purpose, userId: user.id, origin });
  if (!issued.ok) throw new CommandFailed(issued.problem, linkProblemWords(issued.problem, plainText(user.email)));
  return describeLink(user, issued.link);
}

function linkProblemWords(problem: 'unknown-user' | 'user-disabled' | 'has-password' | 'no-password', email: string): string {
  switch (problem) {
    case 'unknown-user':
      return unknownUserWords(email);
    case 'user-disabled':
      return `${email} is disabled. Enable the account first: toolgrant user enable ${email}`;
    case 'has-password':
      return `${email} has a password already. For a new one: toolgrant user reset-password ${email}`;
    case 'no-password':
      return `${email} has no password yet. For the first one: toolgrant user invite ${email}`;
  }
}

function describeLink({ email }: User, { url, expiresAt }: IssuedLink): Report {
  return {
    json: { email, url, expiresAt },
    text: `Give this link to ${plainText(email)}, and to nobody else. It works once, until ${minute(expiresAt)}:\n${url}`,
  };
}

async function disable({ runtime, tenant, origin }: UserOffice, call: Call): Promise<Report> {
  const { disableUser } = await import('../../services/disable-user.ts');
  const user = await getUser({ runtime, tenant }, eitherOf(call, 'email'));
  const email = plainText(user.email);
  const done = await disableUser(runtime, tenant, { userId: user.id, origin });
  if (!done.ok && done.problem === 'last-admin') {
    throw new CommandFailed(
      'last-admin',
      `${email} is the only administrator. Make another first: toolgrant user create --admin --email <email>`,
    );
  }
  if (!done.ok) throw new CommandFailed(done.problem, unknownUserWords(email));
  return {
    json: { id: user.id, email: user.email, disabled: true },
    text: `${email} is disabled: its sessions are over, its tokens stop within 15 minutes at the latest.\nTo undo it: toolgrant user enable ${email}`,
  };
}

async function enable({ runtime, tenant, origin }: UserOffice, call: Call): Promise<Report> {
  const { enableUser } = await import('../../services/enable-user.ts');
  const user = await getUser({ runtime, tenant }, eitherOf(call, 'email'));
  const email = plainText(user.email);
  const done = await enableUser(runtime, tenant, { userId: user.id, origin });
  if (!done.ok) throw new CommandFailed(done.problem, unknownUserWords(email));
  return { json: { id: user.id, email: user.email, disabled: false }, text: `${email} can sign in again.` };
}

async function getUser({ runtime, tenant }: Pick<UserOffice, 'runtime' | 'tenant'>, email: string): Promise<User> {
  const { findUserOfEmail } = await import('../../services/list-users.ts');
  const user = await findUserOfEmail(runtime, tenant, email);
  if (!user) throw new CommandFailed('unknown-user', unknownUserWords(plainText(email)));
  return user;
}

function unknownUserWords(email: string): string {
  return `There is no account ${email}. "toolgrant user list" shows all of them.`;
}

function standingOf({ disabledAt, hasPassword, isAdmin, demo }: User): string {
  const standing = disabledAt ? 'disabled' : hasPassword ? 'active' : 'without password';
  return [standing, ...(isAdmin ? ['administrator'] : []), ...(demo ? ['demo'] : [])].join(', ');
}

function toJson({ id, email, name, isAdmin, hasPassword, demo, disabledAt, createdAt }: User) {
  return { id, email, name: name ?? null, admin: isAdmin, hasPassword, demo, disabled: disabledAt !== undefined, createdAt };
}
