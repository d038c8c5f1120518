/**
 * Sums the results that the test scripts leave in `.tmp/test-results` and prints one closing line.
 * Fails when a test failed, when one was skipped, and when none ran.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numFailedTestSuites: number;
  numRuntimeErrorTestSuites: number;
  numPendingTests: number;
  numTodoTests: number;
}

const folder = '.tmp/test-results';
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of files) {
  const results = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Results;
  passed += results.numPassedTests;
  // A file that could not run at all counts as one failure: its tests are not in the other numbers.
  failed += results.numFailedTests + results.numRuntimeErrorTestSuites;
  skipped += results.numPendingTests + results.numTodoTests;
}
if (skipped > 0) process.stdout.write(`${skipped} skipped: a test either runs or is deleted\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = passed > 0 && failed === 0 && skipped === 0 ? 0 : 1;
