import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

/** Programs of the system are looked for here; the caller's PATH is not handed on. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin';

/**
 * Whom PostgreSQL runs as. It refuses root, and `initdb` wants an account with a name.
 * - `self`: as we are.
 * - `namespace`: as we are, but in a user namespace where we go by another name; files and folders stay ours.
 * - `other`: as another account of the machine; root only.
 */
export type DatabaseAccount =
  | { kind: 'self' }
  | { kind: 'namespace'; prefix: readonly string[] }
  | { kind: 'other'; name: string; uid: number; gid: number };

/** Chooses the account; probes whether user namespaces are allowed (containers often refuse them). */
export function chooseAccount(): DatabaseAccount {
  if (process.platform === 'win32' || process.getuid === undefined) return { kind: 'self' };
  const isRoot = process.geteuid?.() === 0;
  if (!isRoot && hasName()) return { kind: 'self' };
  const stranger = findOrdinaryAccount();
  const prefix = ['unshare', '--user', `--map-user=${stranger.uid}`, `--map-group=${stranger.gid}`, '--'];
  const probe = spawnSync('unshare', [...prefix.slice(1), 'id', '-u'], { env: { PATH: systemPath }, encoding: 'utf8' });
  if (probe.status === 0 && probe.stdout.trim() === String(stranger.uid)) return { kind: 'namespace', prefix };
  return isRoot ? { kind: 'other', ...stranger } : { kind: 'self' };
}

/** Whether an account may pass every folder down to `path` (and run it, if it is a program), going by the mode bits. */
export function canReach(account: { uid: number; gid: number }, path: string): boolean {
  for (let place = path; ; place = dirname(place)) {
    const { mode, uid, gid } = statSync(place);
    const bits = uid === account.uid ? mode >> 6 : gid === account.gid ? mode >> 3 : mode;
    if ((bits & 1) === 0) return false;
    if (place === dirname(place)) return true;
  }
}

function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false; // containers run under bare numbers
  }
}

/** An account that is not root: `postgres` where there is one, else one that nobody logs in with. */
function findOrdinaryAccount(): { name: string; uid: number; gid: number } {
  const lines = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n') : [];
  const accounts = lines.flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid && Number(uid) > 0 && Number(gid) > 0 ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
  const preferred = ['postgres', 'nobody'].flatMap((name) => accounts.filter((account) => account.name === name));
  return preferred[0] ?? accounts[0] ?? { name: '1000', uid: 1000, gid: 1000 };
}
