import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { AccessExplanation } from '../../services/explain-access.ts';
import type { Origin } from '../../services/runtime.ts';
import { callerRow, explanationBlock, explanationToJson } from '../explain-words.ts';
import { BadUsage, CommandFailed } from '../failure.ts';
import { getClient } from '../find-client.ts';
import { getServer } from '../find-server.ts';
import type { Io } from '../io.ts';
import { type Call, streaming, tenantLeaf, type Write } from '../leaf.ts';
import { plainJson, plainText, table } from '../plain-text.ts';
import type { AccessPlace } from '../verdict-words.ts';

type ExplainOffice = Office & { origin: Origin };

/** Who can call what, and why not. */
export function addExplainCommand(program: Command, io: Io): void {
  tenantLeaf(
    program,
    'explain',
    'say who can call which tool, and why not (docs/policy.md): people by their agents, API keys, service accounts; of one person, or one tool over all',
  )
    .requiredOption('--server <server>', 'its id or its URL')
    .option('--user <email>', 'one person, with her agents and API keys; without, everybody')
    .option('--client <client-id>', 'one agent, or the client of one service account; without, all, and API keys')
    .option('--tool <tool>', 'one tool; needed without --user')
    .action(streaming(io, explain));
}

async function explain(office: ExplainOffice, { options }: Call, write: Write): Promise<void> {
  const { runtime, tenant } = office;
  const { explainAccess } = await import('../../services/explain-access.ts');
  const [email, clientId, tool] = [options['user'], options['client'], options['tool']] as (string | undefined)[];
  if (email === undefined && tool === undefined)
    throw new BadUsage('Say whom or what it is about: --user <email>, or --tool <tool> for everybody.');
  const { server } = await getServer(office, String(options['server']));
  const user = email === undefined ? undefined : await getUser(office, email);
  const client = clientId === undefined ? undefined : await getClient(office, clientId);
  const question = { server, ...(user && { user }), ...(client && { client }), ...(tool !== undefined && { tool }) };
  const place: AccessPlace = { issuer: tenant.issuer, server, mayAccept: tenant.settings.riskierTools === 'administrators' };
  const told = explainAccess(runtime, tenant, question);
  if (options['json'] === true) return writeJson(told, place, write);
  if (email === undefined && tool !== undefined) return writeTable(told, { place, tool }, write);
  return writeBlocks(told, { place, nobody: `${email} allows no agent anything on ${server.name} now, and has no API key for it.` }, write);
}

/** How many are written at a time: there may be more than memory holds. */
const perWrite = 500;

async function* inBatches(told: AsyncIterable<AccessExplanation>): AsyncGenerator<AccessExplanation[]> {
  let batch: AccessExplanation[] = [];
  for await (const one of told) {
    batch.push(one);
    if (batch.length < perWrite) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function writeJson(told: AsyncIterable<AccessExplanation>, place: AccessPlace, write: Write): Promise<void> {
  let separator = '[\n';
  for await (const batch of inBatches(told)) {
    await write(batch.map((one, index) => (index === 0 ? separator : ',\n') + plainJson(explanationToJson(one, place))).join(''));
    separator = ',\n';
  }
  await write(separator === '[\n' ? '[]\n' : '\n]\n');
}

/** One tool, a line for each that may be able to call it; the columns are as wide as what is written at a time. */
async function writeTable(
  told: AsyncIterable<AccessExplanation>,
  { place, tool }: { place: AccessPlace; tool: string },
  write: Write,
): Promise<void> {
  const count = { all: 0, can: 0 };
  for await (const batch of inBatches(told)) {
    await write(
      `${table(
        ['CALL', 'WHO', 'BY', 'WHY'],
        batch.map((one) => callerRow(one, place)),
      )}\n`,
    );
    count.all += batch.length;
    count.can += batch.filter(({ tools }) => tools.some(({ can }) => can)).length;
  }
  const name = plainText(place.server.name);
  if (count.all === 0) return write(`Nobody and nothing may use anything on ${name} now.\n`);
  const counted = `${plainText(tool)} of ${name} can be called by ${count.can} of these ${count.all}.`;
  const more = 'What helps one of them: add --user, or --client. Who is not listed is allowed nothing there.';
  return write(`\n${counted}\n${more}\n`);
}

async function writeBlocks(
  told: AsyncIterable<AccessExplanation>,
  { place, nobody }: { place: AccessPlace; nobody: string },
  write: Write,
): Promise<void> {
  let separator = '';
  for await (const batch of inBatches(told)) {
    await write(`${separator}${batch.map((one) => explanationBlock(one, place)).join('\n\n')}\n`);
    separator = '\n';
  }
  if (separator === '') await write(`${plainText(nobody)}\n`);
}

async function getUser({ runtime, tenant }: ExplainOffice, email: string) {
  const { findUserOfEmail } = await import('../../services/list-users.ts');
  const user = await findUserOfEmail(runtime, tenant, email);
  if (!user) throw new CommandFailed('unknown-user', `There is no account ${plainText(email)}. "toolgrant user list" shows all of them.`);
  return user;
}
