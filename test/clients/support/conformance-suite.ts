import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** What the official suite found in one scenario. */
export interface ScenarioResult {
  readonly passed: number;
  readonly failed: number;
}

/** What the suite is to test. */
export interface ConformanceTarget {
  readonly issuer: string;
  readonly clientId: string;
  readonly resource: string;
  /** Of the suite's own callback; `http://127.0.0.1:<port>/callback` is registered for the client. */
  readonly port: number;
  /** Takes a person to the authorization URL and through it. */
  authorize(url: URL): Promise<void>;
}

const command = resolve(import.meta.dirname, '../../../node_modules/@modelcontextprotocol/conformance/dist/index.js');

/**
 * Runs `conformance authorization`, which prints an authorization URL and waits for its callback. Results are read from what it
 * prints: it exits with 0 as well when it has skipped what it was to test. Rejects when there is no summary.
 */
export async function runConformanceSuite(target: ConformanceTarget): Promise<{ results: Map<string, ScenarioResult>; output: string }> {
  const { issuer, clientId, resource, port } = target;
  const args = [command, 'authorization', '--url', issuer, '--client-id', clientId, '--resource', resource, '--port', String(port)];
  const suite = spawn(process.execPath, args, { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let isAuthorizing = false;
  try {
    await new Promise<void>((done, failed) => {
      const read = (chunk: Buffer) => {
        output += chunk.toString();
        const line = output.match(/^(https?:\S+\/authorize\?\S+)$/m)?.[1];
        if (line === undefined || isAuthorizing) return;
        isAuthorizing = true;
        target.authorize(new URL(line)).catch(failed);
      };
      suite.stdout.on('data', read);
      suite.stderr.on('data', read);
      suite.once('error', failed);
      suite.once('close', () => done());
    });
  } finally {
    suite.kill('SIGKILL');
  }
  return { results: readSummary(output), output };
}

function readSummary(output: string): Map<string, ScenarioResult> {
  const summary = output.split('=== SUMMARY ===')[1];
  if (summary === undefined) throw new Error(`The conformance suite gave no summary:\n${output}`);
  const lines = summary.matchAll(/^. (\S+): (\d+) passed, (\d+) failed$/gmu);
  return new Map([...lines].map(([, scenario, passed, failed]) => [scenario ?? '', { passed: Number(passed), failed: Number(failed) }]));
}
