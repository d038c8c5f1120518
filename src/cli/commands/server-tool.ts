import { type Command, Option } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import { type Risk, type RiskProfile, risks } from '../../domain/risk.ts';
import type { ServerOverview } from '../../services/list-servers.ts';
import type { Origin } from '../../services/runtime.ts';
import { BadUsage, CommandFailed } from '../failure.ts';
import { getServer } from '../find-server.ts';
import type { Io } from '../io.ts';
import { type Call, inOffice } from '../leaf.ts';
import { plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';

type Tool = ServerOverview['tools'][number];

/** A server's tools, and an administrator's word on what they may do. */
export function addToolCommand(command: Command, io: Io): void {
  command
    .addOption(new Option('--risk <risk>', 'what it may do, whatever the server claims').choices(risks))
    .addOption(new Option('--open-world', 'it reaches beyond its server').conflicts('closedWorld'))
    .addOption(new Option('--closed-world', 'it does not reach beyond its server'))
    .addOption(new Option('--as-claimed', 'go by what the server claims again').conflicts(['risk', 'openWorld', 'closedWorld']))
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
  const wanted = overrideOf(call, tool);
  if (wanted === undefined) return tool ? showOne(tool) : showAll(tools);
  if (!tool) throw new BadUsage('Name the tool whose risk is meant: toolgrant server tool <server> <tool> --risk <risk>');
  const { overrideToolRisk } = await import('../../services/override-tool-risk.ts');
  const done = await overrideToolRisk(runtime, tenant, { serverId: server.id, tool: tool.name, override: wanted, origin });
  if (!done.ok) throw new CommandFailed(done.problem, `${plainText(server.name)} has no tool ${plainText(tool.name)} any more.`);
  return showOne(done.tool);
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
    text: `${plainText(tool.name)}: ${tool.risk}, ${world}, by ${saidBy(tool)}'s word.`,
  };
}

function saidBy({ override }: Tool): string {
  return override ? 'an administrator' : 'the server';
}

function toJson({ name, title, description, risk, openWorld, override, digest, firstSeenAt }: Tool) {
  const about = { title: title ?? null, description: description ?? null };
  return { name, ...about, risk, openWorld, overridden: override !== undefined, digest, firstSeenAt };
}
