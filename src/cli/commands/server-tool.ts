import { type Command, Option } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import { type Risk, type RiskProfile, risks } from '../../domain/risk.ts';
import { type Assumptions, assumptionsOf } from '../../domain/tool.ts';
import type { ServerOverview } from '../../services/list-servers.ts';
import type { Origin } from '../../services/runtime.ts';
import { BadUsage, CommandFailed } from '../failure.ts';
import { getServer } from '../find-server.ts';
import type { Io } from '../io.ts';
import { type Call, inOffice } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';

type Tool = ServerOverview['tools'][number];

const changes = ['risk', 'openWorld', 'closedWorld', 'asClaimed'];

/** A server's tools, and an administrator's word on what they may do. */
export function addToolCommand(command: Command, io: Io): void {
  command
    .addOption(new Option('--risk <risk>', 'what it may do, whatever the server claims').choices(risks))
    .addOption(new Option('--open-world', 'it reaches beyond its server').conflicts('closedWorld'))
    .addOption(new Option('--closed-world', 'it does not reach beyond its server'))
    .addOption(new Option('--as-claimed', 'go by what the server claims again').conflicts(['risk', 'openWorld', 'closedWorld']))
    .addOption(
      new Option('--accept', 'you have looked at it as it is now, for everybody who allowed it before it became riskier').conflicts(
        changes,
      ),
    )
    .addOption(new Option('--history', 'every definition that it has or had').conflicts(['accept', ...changes]))
    .action(inOffice(io, showOrChange));
}

async function showOrChange({ runtime, tenant, origin }: Office & { origin: Origin }, call: Call): Promise<Report> {
  const [named = '', toolName] = call.args;
  const { server, tools } = await getServer({ runtime, tenant }, named);
  const tool = tools.find(({ name }) => name === toolName);
  if (toolName !== undefined && !tool) {
    throw new CommandFailed(
      'unknown-tool',
      `${plainText(server.name)} has no tool ${plainText(toolName)}. "toolgrant server tool ${server.id}" lists them.`,
    );
  }
  if (call.options['accept'] === true) return accept({ runtime, tenant, origin }, { server, tool });
  if (call.options['history'] === true) return showHistory({ runtime, tenant }, { server, tool });
  const wanted = overrideOf(call, tool);
  if (wanted === undefined) return tool ? showOne(tool) : showAll(tools);
  if (!tool) throw unnamed('--risk <risk>');
  const { overrideToolRisk } = await import('../../services/override-tool-risk.ts');
  const done = await overrideToolRisk(runtime, tenant, { serverId: server.id, tool: tool.name, override: wanted, origin });
  if (!done.ok) throw new CommandFailed(done.problem, `${plainText(server.name)} has no tool ${plainText(tool.name)} any more.`);
  return showOne(done.tool);
}

function unnamed(option: string): BadUsage {
  return new BadUsage(`Name the tool that is meant: toolgrant server tool <server> <tool> ${option}`);
}

type OneTool = { server: ServerOverview['server']; tool: Tool | undefined };

async function accept(
  { runtime, tenant, origin }: Pick<Office, 'runtime' | 'tenant'> & { origin: Origin },
  about: OneTool,
): Promise<Report> {
  const { server, tool } = about;
  if (!tool) throw unnamed('--accept');
  const { acceptTool } = await import('../../services/accept-tool.ts');
  const done = await acceptTool(runtime, tenant, { serverId: server.id, tool: tool.name, origin });
  if (done.ok) return showOne(done.tool);
  throw new CommandFailed(done.problem, acceptanceWords[done.problem]);
}

const acceptanceWords = {
  'for-people':
    'Each person looks for herself here. To let administrators look for everybody: toolgrant tenant set riskier-tools=administrators',
  'in-doubt': 'Its server reports another definition than was read. Read its tools first: toolgrant server sync <server>',
  'unknown-tool': 'The server has no such tool any more.',
} as const;

async function showHistory({ runtime, tenant }: Pick<Office, 'runtime' | 'tenant'>, { server, tool }: OneTool): Promise<Report> {
  if (!tool) throw unnamed('--history');
  const { listToolHistory } = await import('../../services/list-tool-history.ts');
  const history = await listToolHistory(runtime, tenant, { serverId: server.id, tool });
  const rows = history.map(({ firstSeenAt, digest, change, traits }) => [
    minute(firstSeenAt),
    digest.slice(0, 12),
    change === 'none' ? 'as it is now' : `${change}${traits.length > 0 ? ` (${traits.join(', ')})` : ''}`,
  ]);
  return {
    json: history.map(({ definition, ...version }) => ({ ...version, definition })),
    text: table(['FIRST SEEN', 'DIGEST', 'WHAT HAS CHANGED SINCE'], rows),
  };
}

/** What is to be said of the tool; null takes it back, undefined leaves it. What is not named stays. */
function overrideOf({ options }: Call, tool: Tool | undefined): RiskProfile | null | undefined {
  if (options['asClaimed'] === true) return null;
  const risk = options['risk'] as Risk | undefined;
  const openWorld = options['openWorld'] === true ? true : options['closedWorld'] === true ? false : undefined;
  if (risk === undefined && openWorld === undefined) return undefined;
  return { risk: risk ?? tool?.risk ?? 'destructive', openWorld: openWorld ?? tool?.openWorld ?? true };
}

function showAll(tools: readonly Tool[]): Report {
  const rows = tools.map((tool) => [tool.name, tool.title ?? '', tool.risk, tool.openWorld ? 'yes' : 'no', saidBy(tool)]);
  return {
    json: tools.map(toJson),
    text:
      tools.length > 0
        ? table(['TOOL', 'TITLE', 'RISK', 'OPEN WORLD', 'SAID BY'], rows)
        : 'It has no tools. To read them again: toolgrant server sync <server>',
  };
}

function showOne(tool: Tool): Report {
  const world = tool.openWorld ? 'reaches beyond its server' : 'stays within its server';
  return {
    json: toJson(tool),
    text: [`${plainText(tool.name)}: ${tool.risk}, ${world}, ${whoseWord(tool)}.`, ...lookWords(tool)].join('\n'),
  };
}

function lookWords({ acceptedAt, riskierThan, isDoubted }: Tool): string[] {
  if (isDoubted) return ['Its server reports a riskier definition: it is used again when its tools were read.'];
  if (acceptedAt) return [`Accepted for everybody on ${minute(acceptedAt)}.`];
  return riskierThan ? ['It has become riskier. Who allowed it before looks again; "--history" says what has changed.'] : [];
}

function saidBy(tool: Tool): string {
  if (tool.override) return 'an administrator';
  const { harm, reach } = assumedOf(tool);
  if (harm && reach) return 'nobody: assumed';
  return harm || reach ? 'the server, in part' : 'the server';
}

function whoseWord(tool: Tool): string {
  if (tool.override) return "by an administrator's word";
  const { harm, reach } = assumedOf(tool);
  if (!harm && !reach) return "by the server's word";
  const open = [...(harm ? ['whether it can destroy'] : []), ...(reach ? ['whether it reaches beyond its server'] : [])];
  return `where the worst is assumed, because the server does not say ${open.join(' or ')}`;
}

/** What no word is behind, neither the server's nor an administrator's. */
function assumedOf({ override, annotations }: Tool): Assumptions {
  return override ? { harm: false, reach: false } : assumptionsOf(annotations);
}

function toJson(tool: Tool) {
  const { name, title, description, risk, openWorld, override, digest, firstSeenAt, acceptedAt, isDoubted = false } = tool;
  const about = { title: title ?? null, description: description ?? null };
  const looks = { acceptedAt: acceptedAt ?? null, doubted: isDoubted };
  return { name, ...about, risk, openWorld, overridden: override !== undefined, assumed: assumedOf(tool), digest, firstSeenAt, ...looks };
}
