import { spawnSync } from 'node:child_process';
import type { PartReport } from './report.ts';

/** The tests that run with less in `npm test` and `npm run test:deep`, with what they are meant for. */
const sizes = [
  { file: 'test/deep/large-lists.test.ts', variable: 'TEST_CONSENTS', count: 1_000_000, of: 'consents of 250,000 people' },
  { file: 'test/deep/many-tenants.test.ts', variable: 'TEST_TENANTS', count: 5_000, of: 'tenants' },
];

const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];

/** Runs them, one after the other. */
export function runFullSize(say: (line: string) => void): PartReport {
  const lines: string[] = [];
  const problems: string[] = [];
  for (const { file, variable, count, of } of sizes) {
    say(`${count} ${of}`);
    const env = { ...process.env, [variable]: String(count) };
    const { status, stdout, stderr } = spawnSync(process.execPath, [...jest, file, '--maxWorkers=1', '--testTimeout=3600000'], {
      env,
      encoding: 'utf8',
    });
    const told = `${stdout}\n${stderr}`.split('\n').filter((line) => /MiB|^Tests:/.test(line));
    lines.push(`${count} ${of}: ${told.join(' · ')}`);
    if (status !== 0) problems.push(`${file} failed:\n${stderr.slice(-2_000)}`);
  }
  return { title: 'full size', lines, problems };
}
