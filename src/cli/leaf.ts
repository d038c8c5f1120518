import type { Command } from 'commander';
import type { Office } from '../compose/open-office.ts';
import type { Config, LoadOptions, Secrets } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import type { Origin } from '../services/runtime.ts';
import { BadUsage } from './failure.ts';
import { getTenant } from './find-tenant.ts';
import type { Io } from './io.ts';
import { lineTo } from './plain-text.ts';
import { printReport, type Report } from './report.ts';

/** What was written after a command's name. */
export interface Call {
  args: readonly string[];
  options: Readonly<Record<string, unknown>>;
}

/** Adds a command that only holds others. */
export function group(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).helpCommand(false);
}

/** Adds a command that does something, with the options that all of them have. */
export function leaf(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).option('--json', 'answer in JSON');
}

/** Adds a command that concerns one tenant. */
export function tenantLeaf(parent: Command, name: string, description: string): Command {
  return leaf(parent, name, description).option('--tenant <slug>', 'the tenant', 'root');
}

/** A commander action that prints what `work` reports. */
export function reporting(io: Io, work: (call: Call) => Promise<Report>): (...all: unknown[]) => Promise<void> {
  return async (...all) => {
    const call = callOf(all);
    printReport(io, await work(call), { json: call.options['json'] === true });
  };
}

/** The same for work on services, as an operator, for the tenant that `--tenant` names. The modules behind it are loaded now and not before: `--help` is quick. */
export function inOffice(io: Io, work: (office: OperatorsOffice, call: Call) => Promise<Report>): (...all: unknown[]) => Promise<void> {
  return reporting(io, (call) => workInOffice(io, call, work));
}

/** The same for work that writes as it goes, because there may be more than memory holds. */
export function streaming(
  io: Io,
  work: (office: OperatorsOffice, call: Call, write: Write) => Promise<void>,
): (...all: unknown[]) => Promise<void> {
  const write: Write = async (text) => {
    io.out(text);
    if (io.drained && !(await io.drained())) throw new NobodyReads();
  };
  return async (...all) => {
    try {
      await workInOffice(io, callOf(all), (office, call) => work(office, call, write));
    } catch (error) {
      if (!(error instanceof NobodyReads)) throw error;
    }
  };
}

/** Writes a result, and waits for whoever reads it. */
export type Write = (text: string) => Promise<void>;

/** Ends work whose results nobody wants any more. */
class NobodyReads extends Error {}

type OperatorsOffice = Office & { origin: Origin };

async function workInOffice<Result>(io: Io, call: Call, work: (office: OperatorsOffice, call: Call) => Promise<Result>): Promise<Result> {
  const settings = await loadSettings(io);
  const [{ inOffice: openOffice }, { createTerminalLog }] = await Promise.all([
    import('../compose/open-office.ts'),
    import('../compose/process-log.ts'),
  ]);
  const { tenant: slug } = call.options;
  return openOffice({ ...settings, log: createTerminalLog(lineTo(io)) }, async (office) => {
    const tenant = typeof slug === 'string' ? await getTenant(office, slug) : office.tenant;
    return work({ ...office, tenant, origin: await operator() }, call);
  });
}

/** The settings in force. Throws `ConfigError`. */
export async function loadSettings(io: Io, options: LoadOptions = {}): Promise<{ config: Config; secrets: Secrets; env: Environment }> {
  const [{ loadConfig }, { readEnvironment }] = await Promise.all([import('../config/load-config.ts'), import('../config/environment.ts')]);
  const env = io.env ?? readEnvironment();
  return { ...loadConfig(env, options), env };
}

/** Exactly one of an argument and an option that mean the same. */
export function eitherOf({ args, options }: Call, option: string): string {
  const [argument] = args;
  const value = options[option] as string | undefined;
  if (argument !== undefined && value !== undefined) throw new BadUsage(`Give the ${option} once: as an argument or by --${option}.`);
  const given = argument ?? value;
  if (given === undefined) throw new BadUsage(`The ${option} is missing: --${option} <${option}>.`);
  return given;
}

function callOf(all: readonly unknown[]): Call {
  const command = all.at(-1) as Command;
  return { args: command.args, options: command.opts() };
}

/** Who works at this machine, for the audit trail. */
async function operator(): Promise<Origin> {
  const { userInfo } = await import('node:os');
  try {
    return { actorType: 'operator', actorId: userInfo().username };
  } catch {
    return { actorType: 'operator' }; // containers run under bare numbers
  }
}
