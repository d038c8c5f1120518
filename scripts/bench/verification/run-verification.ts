import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ended } from '../contenders/contender.ts';
import { type Cores, nodeOnServerCore } from '../cores.ts';
import type { VerificationFindings, VerificationOptions } from './verification-process.ts';

/** Measures token verification; takes three measurements per round. */
export async function runVerification(cores: Cores | undefined, options: VerificationOptions): Promise<VerificationFindings> {
  const { rounds, warmUpMs, measuredMs } = options;
  const program = join(import.meta.dirname, 'verification-process.ts');
  const { command, args } = nodeOnServerCore(cores, [program, JSON.stringify({ rounds, warmUpMs, measuredMs })]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH, NODE_ENV: 'production' } });
  const [output] = await Promise.all([text(child.stdout), ended(child)]);
  if (child.exitCode !== 0) throw new Error(`the verification process ended with code ${child.exitCode}`);
  return JSON.parse(output);
}
