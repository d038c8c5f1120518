/**
 * Runs a command as root of a user namespace that allows no further ones, with an empty /var/lib: how a container looks to us.
 * Usage (as root): `node without-user-namespaces.ts <command> …`
 */
import { spawn } from 'node:child_process';
import { readlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const inside = 'mount -t tmpfs none /var/lib && echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
// The first shell has no rights until its ids are mapped; the second is started as the namespace's root.
const script = `read _ <&3; exec 3<&-; exec sh -c '${inside}' sh "$@"`;
const child = spawn('unshare', ['--user', '--mount', 'sh', '-c', script, 'sh', ...process.argv.slice(2)], {
  stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
});
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
while (readlinkSync(`/proc/${child.pid}/ns/user`) === readlinkSync('/proc/self/ns/user')) await sleep(10);
writeFileSync(`/proc/${child.pid}/uid_map`, '0 0 65536');
writeFileSync(`/proc/${child.pid}/gid_map`, '0 0 65536');
(child.stdio[3] as NodeJS.WritableStream).end('\n');
