/** Where the audit trail is to be delivered: what can be told about it before anything is. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { dirname } from 'node:path';
import { isAuditFile } from '../domain/audit-file.ts';
import { isLoopbackHost } from '../domain/resource-uri.ts';
import type { ConfigProblem } from './config-error.ts';

/** What is wrong with the file; it need not be there yet. */
export function checkAuditFile(path: string): ConfigProblem | undefined {
  const problem = (text: string, fix: string) => ({ setting: 'TOOLGRANT_AUDIT_FILE', problem: text, fix });
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) {
      accessSync(dirname(path), constants.W_OK | constants.X_OK);
      return undefined;
    }
    if (!stat.isFile()) return problem(`names something that is no file, ${path}`, 'Name a file; a folder does not do.');
    accessSync(path, constants.R_OK | constants.W_OK);
    if (isAuditFile(readStart(path))) return undefined;
    return problem(`names a file that holds something else, ${path}`, 'Name one that is not there yet, or move this one away.');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const fix = 'Make the folder, and let this process write into it; or correct the path.';
    return problem(`names a file that cannot be written, ${path} (${code})`, fix);
  }
}

/** What is wrong with the receiver's URL. Where its name leads is looked at when something is sent, each time. */
export function checkAuditWebhook(text: string, issuer: URL | undefined): ConfigProblem | undefined {
  const setting = 'TOOLGRANT_AUDIT_WEBHOOK';
  const { protocol, hostname } = new URL(text);
  if (isLoopbackHost(hostname)) {
    return issuer && !isLoopbackHost(issuer.hostname)
      ? {
          setting,
          problem: 'names this machine, which is reached only where TOOLGRANT_ISSUER is on it, too',
          fix: 'Name the receiver by an address of its network.',
        }
      : undefined;
  }
  if (isListed(neverReached, hostname)) {
    return { setting, problem: 'names an address that is never reached: of one link, or of a cloud’s own machinery', fix: 'Correct it.' };
  }
  if (protocol === 'http:' && !isPrivate(hostname)) {
    return {
      setting,
      problem: 'is plain http to a host that may be public, where everybody on the way could read the trail',
      fix: 'Begin it with https://, or name the receiver by a private address or a name without dots.',
    };
  }
  return undefined;
}

function isPrivate(hostname: string): boolean {
  return isIP(bare(hostname)) === 0 ? /^[^.]+$|\.(?:internal|local|lan|home\.arpa)$/i.test(hostname) : isListed(privateNetworks, hostname);
}

function isListed(list: BlockList, hostname: string): boolean {
  const address = bare(hostname);
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** IPv6 addresses stand in brackets. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function listOf(networks: readonly (readonly [net: string, prefix: number, family: 'ipv4' | 'ipv6'])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix, family] of networks) list.addSubnet(net, prefix, family);
  return list;
}

const privateNetworks = listOf([
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['fc00::', 7, 'ipv6'],
]);
const neverReached = listOf([
  ['0.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['fe80::', 10, 'ipv6'],
]);

function readStart(path: string): string {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(256);
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, 0)).toString();
  } finally {
    closeSync(file);
  }
}
