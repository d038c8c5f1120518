import type { Command } from 'commander';
import type { Office } from '../compose/open-office.ts';
import type { ToolChoice, ToolChoiceProblem } from '../services/assign-tools.ts';
import type { ServerOverview } from '../services/list-servers.ts';
import { BadUsage, CommandFailed } from './failure.ts';
import { getServer } from './find-server.ts';
import type { Call } from './leaf.ts';
import { plainText } from './plain-text.ts';

/** What a command says about tools on one server. */
export interface NamedChoice {
  server: ServerOverview['server'];
  choice: ToolChoice;
}

/** Adds the options that choose tools on a server. */
export function withToolOptions(command: Command): Command {
  return command
    .option('--server <server>', 'the server, by its id or URL')
    .option('--tool <tool>', 'one of its tools; may be repeated', collect, [])
    .option('--resources', 'its resources too')
    .option('--prompts', 'its prompts too');
}

/** Gathers an option that may be repeated. */
export function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

/** Whether any of them was given. */
export function namesTools({ tool, resources, prompts }: Call['options']): boolean {
  return (tool as string[]).length > 0 || resources === true || prompts === true;
}

/** Reads them; undefined when no server is named. Throws `BadUsage` for tools of no server, `CommandFailed` for an unknown server. */
export async function readToolOptions(
  office: Pick<Office, 'runtime' | 'tenant'>,
  options: Call['options'],
): Promise<NamedChoice | undefined> {
  const named = options['server'] as string | undefined;
  if (named === undefined) {
    if (namesTools(options)) throw new BadUsage('Name the server whose tools are meant: --server <server>');
    return undefined;
  }
  const { server } = await getServer(office, named);
  const tools = options['tool'] as string[];
  const choice = { serverId: server.id, tools, resources: options['resources'] === true, prompts: options['prompts'] === true };
  return { server, choice };
}

/** Why a choice cannot be, and the next step. */
export function choiceFailure(problem: ToolChoiceProblem, server: NamedChoice['server']): CommandFailed {
  if (problem.kind === 'unknown-server') return new CommandFailed(problem.kind, `${plainText(server.name)} was removed meanwhile.`);
  if (problem.kind === 'page-outdated') return new CommandFailed(problem.kind, `The tools of ${plainText(server.name)} changed meanwhile.`);
  return new CommandFailed(
    problem.kind,
    `${plainText(server.name)} has no tool ${plainText(problem.tool)}. "toolgrant server tool ${server.id}" lists them.`,
  );
}

/** What is allowed, in a few words. */
export function termsWords({
  tools,
  resources,
  prompts,
}: {
  tools: readonly { name: string }[];
  resources: boolean;
  prompts: boolean;
}): string {
  const parts = [...tools.map(({ name }) => name), ...(resources ? ['(resources)'] : []), ...(prompts ? ['(prompts)'] : [])];
  return parts.length > 0 ? parts.join(', ') : 'nothing';
}
