/** A fifth of the full disks of `npm run soak`, by that program itself: it mounts a disk, and needs to be root of something for it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const program = join(import.meta.dirname, '../../scripts/soak/main.ts');
const seed = Number(process.env['TOOLGRANT_FAULT_SEED'] ?? Date.now() % 1_000_000);

it(`ABUSE-83: the database's disk fills up under load, and is emptied again (seed ${seed})`, () => {
  const soak = [process.execPath, program, '--only', 'disk', '--fills', '2', '--actors', '6', '--seed', String(seed)];
  // Whoever is not root is root of a namespace of one's own.
  const [command = '', ...args] = process.getuid?.() === 0 ? soak : ['unshare', '--user', '--map-root-user', '--mount', ...soak];
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: expect.stringMatching(/^2 full disks: passed$/m) });
});
