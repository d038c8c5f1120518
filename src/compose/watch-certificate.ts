import { X509Certificate } from 'node:crypto';
import { type CertificatePair, type CertificatePaths, checkCertificatePair, readCertificatePair } from '../config/certificate.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';

/** What is done with certificates that change. */
export interface CertificateWatch {
  paths: CertificatePaths;
  /** What is served now. */
  served: CertificatePair;
  /** Is given each new pair that can be served. */
  onChange(pair: CertificatePair): void;
  log: Logger;
  clock: Clock;
  /** From one look to the next. Default 2 s. */
  pollMs?: number;
}

const defaultPollMs = 2_000;

/**
 * Looks at the files now and then, by what stands in them: so it does not matter whether they were written in place, renamed
 * over, or reached through a link that leads elsewhere now, as Kubernetes does it. A pair that cannot be served leaves the old
 * one in place and is logged once, when it is still there at the next look: the two files cannot change in the same moment.
 */
export function watchCertificate(watch: CertificateWatch): { stop(): void } {
  const { paths, onChange, log, clock } = watch;
  let { served } = watch;
  let doubtful: string | undefined;
  let reported: string | undefined;
  const look = () => {
    const read = readIfThere(paths);
    const trouble = typeof read === 'string' ? read : isSame(read, served) ? undefined : troubleWith(read, clock.now());
    if (trouble !== undefined) {
      const fingerprint = typeof read === 'string' ? read : `${read.certificate}\n${read.key}`;
      if (fingerprint === doubtful && fingerprint !== reported) {
        log.warn({ reason: trouble }, 'the certificate files have changed and cannot be used; the certificate before is still served');
        reported = fingerprint;
      }
      doubtful = fingerprint;
      return;
    }
    doubtful = reported = undefined;
    if (typeof read === 'string' || isSame(read, served)) return;
    onChange(read);
    served = read;
    log.info({ expiresAt: new X509Certificate(read.certificate).validToDate.toISOString() }, 'a new certificate is served');
  };
  const timer = setInterval(look, watch.pollMs ?? defaultPollMs).unref();
  return { stop: () => clearInterval(timer) };
}

function readIfThere(paths: CertificatePaths): CertificatePair | string {
  try {
    return readCertificatePair(paths);
  } catch (error) {
    return (error as Error).message;
  }
}

function isSame(one: CertificatePair, other: CertificatePair): boolean {
  return one.certificate === other.certificate && one.key === other.key;
}

function troubleWith(pair: CertificatePair, now: Date): string | undefined {
  const problem = checkCertificatePair(pair, now);
  return problem && `${problem.setting} ${problem.problem}`;
}
