import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { UserId } from '../../domain/ids.ts';
import type { GroupOverview } from '../../services/manage-groups.ts';
import type { Origin } from '../../services/runtime.ts';
import { CommandFailed } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, group as commandGroup, inOffice, tenantLeaf } from '../leaf.ts';
import { plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';

type GroupOffice = Office & { origin: Origin };

/** Groups of people, for the rules of the policy. */
export function addGroupCommands(program: Command, io: Io): void {
  const group = commandGroup(program, 'group', 'groups of people, which rules of the policy speak of');
  tenantLeaf(group, 'create', 'make a group').argument('<group>', 'its name').action(inOffice(io, create));
  members(group, 'add', 'put people into a group; what rules say of them counts within seconds').action(inOffice(io, add));
  members(group, 'remove', 'take people out of a group; without addresses, remove the group').action(inOffice(io, remove));
  tenantLeaf(group, 'list', 'list the groups, or the people in one').argument('[group]', 'its name').action(inOffice(io, list));
}

function members(parent: Command, name: string, description: string): Command {
  return tenantLeaf(parent, name, description)
    .argument('<group>', 'its name')
    .argument('[email...]', 'whom')
    .option('--email <email>', 'whom, as an option; may be repeated', (value: string, before: string[]) => [...before, value], []);
}

async function create({ runtime, tenant, origin }: GroupOffice, { args }: Call): Promise<Report> {
  const { createGroup } = await import('../../services/manage-groups.ts');
  const [name = ''] = args;
  const made = await createGroup(runtime, tenant, { name, origin });
  if (!made.ok) {
    const words = {
      'bad-name': 'cannot be the name of a group: 1 to 100 letters and digits, with spaces and . _ @ + - between them',
      reserved: 'is everybody already: rules can name it without a group',
      'name-taken': 'is a group already; toolgrant group list shows all of them',
    }[made.problem];
    throw new CommandFailed(`group-${made.problem}`, `${plainText(name)} ${words}.`);
  }
  return {
    json: { id: made.id, name, members: [] },
    text: `The group ${plainText(name)} is made. Next: toolgrant group add ${quoted(name)} <email>`,
  };
}

async function add(office: GroupOffice, call: Call): Promise<Report> {
  const userIds = await findPeople(office, call);
  if (userIds.length === 0) throw new CommandFailed('nobody-named', 'Whom? Give email addresses: toolgrant group add <group> <email> …');
  const name = call.args[0] ?? '';
  const { changeMembers } = await import('../../services/manage-groups.ts');
  const change = await changeMembers(office.runtime, office.tenant, { name, add: userIds, origin: office.origin });
  if (!change) throw unknownGroup(name);
  return membersReport(office, { name, changed: change.added.length, words: 'added to' });
}

async function remove(office: GroupOffice, call: Call): Promise<Report> {
  const userIds = await findPeople(office, call);
  const name = call.args[0] ?? '';
  const { changeMembers, removeGroup } = await import('../../services/manage-groups.ts');
  if (userIds.length > 0) {
    const change = await changeMembers(office.runtime, office.tenant, { name, remove: userIds, origin: office.origin });
    if (!change) throw unknownGroup(name);
    return membersReport(office, { name, changed: change.removed.length, words: 'taken out of' });
  }
  const gone = await removeGroup(office.runtime, office.tenant, { name, origin: office.origin });
  if (!gone) throw unknownGroup(name);
  return {
    json: { name, removed: true, members: gone.members },
    text: `The group ${plainText(name)} is removed; ${gone.members === 1 ? '1 person was' : `${gone.members} people were`} in it. Rules that name it are for nobody by it now.`,
  };
}

async function membersReport(
  office: GroupOffice,
  { name, changed, words }: { name: string; changed: number; words: string },
): Promise<Report> {
  const group = await getGroup(office, name);
  return {
    json: { ...toJson(group), changed },
    text: `${changed === 0 ? 'Nobody' : changed === 1 ? 'One person' : `${changed} people`} ${words} ${plainText(name)}; ${people(group.members.length)} in it.`,
  };
}

async function list(office: GroupOffice, { args }: Call): Promise<Report> {
  const [name] = args;
  if (name !== undefined) {
    const group = await getGroup(office, name);
    const emails = group.members.map(({ email }) => plainText(email));
    return { json: toJson(group), text: emails.length > 0 ? emails.join('\n') : `Nobody is in ${plainText(name)}.` };
  }
  const { listGroups } = await import('../../services/manage-groups.ts');
  const groups = await listGroups(office.runtime, office.tenant);
  const rows = groups.map((group) => [group.name, String(group.members.length), group.id]);
  const none = 'There is no group yet. Make one: toolgrant group create <group>';
  return { json: groups.map(toJson), text: groups.length > 0 ? table(['GROUP', 'PEOPLE', 'ID'], rows) : none };
}

async function getGroup({ runtime, tenant }: GroupOffice, name: string): Promise<GroupOverview> {
  const { listGroups } = await import('../../services/manage-groups.ts');
  const found = (await listGroups(runtime, tenant)).find((group) => group.name === name);
  if (!found) throw unknownGroup(name);
  return found;
}

async function findPeople({ runtime, tenant }: GroupOffice, { args, options }: Call): Promise<UserId[]> {
  const { findUserOfEmail } = await import('../../services/list-users.ts');
  const emails = [...args.slice(1), ...(options['email'] as string[])];
  const found = await Promise.all(emails.map((email) => findUserOfEmail(runtime, tenant, email)));
  const unknown = emails.filter((_, index) => !found[index]).map(plainText);
  if (unknown.length > 0) {
    const verb = unknown.length === 1 ? 'is nobody’s address' : 'are nobody’s addresses';
    throw new CommandFailed('unknown-user', `${unknown.join(', ')} ${verb} here. Invite first: toolgrant user invite <email>`);
  }
  return found.flatMap((user) => user?.id ?? []);
}

function unknownGroup(name: string): CommandFailed {
  return new CommandFailed('unknown-group', `There is no group ${plainText(name)}. "toolgrant group list" shows all of them.`);
}

function people(count: number): string {
  return count === 1 ? '1 person is' : `${count} people are`;
}

function quoted(name: string): string {
  return /^[\w.@+-]+$/.test(name) ? name : JSON.stringify(name);
}

function toJson({ id, name, members: inIt }: GroupOverview) {
  return { id, name, members: inIt.map(({ email }) => email) };
}
