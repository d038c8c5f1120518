/** A TLS certificate and its key: whether they can be served, and if not, what to do about it. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { ConfigProblem } from './config-error.ts';

/** PEM texts: a chain that begins with the certificate of this server, and the private key of that one. */
export interface CertificatePair {
  certificate: string;
  key: string;
}

/** Where they lie; absolute paths. */
export interface CertificatePaths {
  certificatePath: string;
  keyPath: string;
}

/** Reads both files as they are now; they need not belong together. Throws what the file system says. */
export function readCertificatePair({ certificatePath, keyPath }: CertificatePaths): CertificatePair {
  return { certificate: readFileSync(certificatePath, 'utf8'), key: readFileSync(keyPath, 'utf8') };
}

/**
 * What is wrong with the files; nothing when they can be served. Shows nothing of the key.
 * @param now what the certificate must not have expired by; absent: dates are not looked at
 */
export function checkCertificateFiles(paths: Partial<CertificatePaths>, now?: Date): ConfigProblem[] {
  const certificate = readPart('TOOLGRANT_TLS_CERT', paths.certificatePath);
  const key = readPart('TOOLGRANT_TLS_KEY', paths.keyPath);
  const unreadable = [certificate, key].filter((part) => typeof part === 'object');
  if (unreadable.length > 0 || typeof certificate !== 'string' || typeof key !== 'string') return unreadable;
  const problem = checkCertificatePair({ certificate, key }, now);
  return problem ? [problem] : [];
}

function readPart(setting: string, path: string | undefined): string | undefined | ConfigProblem {
  try {
    return path === undefined ? undefined : readFileSync(path, 'utf8');
  } catch (error) {
    const problem = `names a file that cannot be read, ${path} (${(error as NodeJS.ErrnoException).code})`;
    return { setting, problem, fix: 'Correct the path, or let this process read it.' };
  }
}

/** The same of texts; the first problem there is. */
export function checkCertificatePair({ certificate, key }: CertificatePair, now?: Date): ConfigProblem | undefined {
  const [leaf, privateKey] = [parseCertificate(certificate), parseKey(key)];
  if ('problem' in leaf) return leaf;
  if ('problem' in privateKey) return privateKey;
  if (!leaf.checkPrivateKey(privateKey)) {
    return {
      setting: 'TOOLGRANT_TLS_KEY',
      problem: 'is not the key of the first certificate in TOOLGRANT_TLS_CERT',
      fix: 'Set the pair that was issued together; of a chain, the certificate of this server comes first.',
    };
  }
  if (now && leaf.validToDate < now) {
    return {
      setting: 'TOOLGRANT_TLS_CERT',
      problem: `has expired (${leaf.validToDate.toISOString()})`,
      fix: 'Have it renewed; every client would refuse it.',
    };
  }
  try {
    createSecureContext({ cert: certificate, key });
    return undefined;
  } catch (error) {
    return {
      setting: 'TOOLGRANT_TLS_CERT',
      problem: `cannot be served with TOOLGRANT_TLS_KEY (${(error as Error).message})`,
      fix: 'Set them to a PEM certificate chain and its key.',
    };
  }
}

function parseCertificate(text: string): X509Certificate | ConfigProblem {
  try {
    return new X509Certificate(text);
  } catch {
    return { setting: 'TOOLGRANT_TLS_CERT', problem: 'names a file without a certificate', fix: 'Set it to a PEM certificate chain.' };
  }
}

function parseKey(text: string): KeyObject | ConfigProblem {
  try {
    return createPrivateKey(text);
  } catch (error) {
    const isLocked = (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE' || /\bENCRYPTED\b/.test(text);
    return {
      setting: 'TOOLGRANT_TLS_KEY',
      problem: isLocked ? 'names a key that is locked with a passphrase' : 'names a file without a private key',
      fix: isLocked ? 'Write it without one (`openssl pkey`), in a file that only this process may read.' : 'Set it to the key in PEM.',
    };
  }
}
