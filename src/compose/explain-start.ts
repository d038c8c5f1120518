import type { Config, Secrets } from '../config/config.ts';
import { isDatabaseTrouble } from '../platform/database-trouble.ts';
import { DataFolderBusy, EmbeddedDatabaseFailed } from '../platform/embedded-database.ts';
import { CannotDecrypt } from '../platform/vault.ts';
import { IssuerTaken } from '../services/ensure-root-tenant.ts';
import { DemoConflict } from '../services/prepare-demo.ts';
import { MigrationFailed } from '../store/migrate/apply-migrations.ts';
import { explainDatabaseError } from './explain-database.ts';
import { StartProblem } from './start-problem.ts';

/** Why a start or a command failed, where an operator can mend it; undefined for faults of ours. */
export function explainStartError(error: unknown, settings: { config: Config; secrets: Secrets }): StartProblem | undefined {
  if (error instanceof StartProblem) return error;
  if (error instanceof CannotDecrypt) return new StartProblem(explainKeys(error, settings), { cause: error });
  const speaksForItself = [DataFolderBusy, EmbeddedDatabaseFailed, MigrationFailed, DemoConflict, IssuerTaken].some(
    (kind) => error instanceof kind,
  );
  if (speaksForItself) return new StartProblem((error as Error).message, { cause: error });
  return explainSystemError(error as NodeJS.ErrnoException, settings) ?? explainTrouble(error, settings);
}

function explainKeys(error: CannotDecrypt, { config, secrets }: { config: Config; secrets: Secrets }): string {
  const source = secrets.keyEncryptionKey ? 'TOOLGRANT_SECRET' : `the secret in ${config.dataDir}/secret`;
  return (
    `The signing keys do not open with ${source}. ${error.message} ` +
    'Bring back the secret that this database was made with: without it no token can be signed.'
  );
}

function explainSystemError(error: NodeJS.ErrnoException, { config }: { config: Config }): StartProblem | undefined {
  const text = explainListening(error, config) ?? explainFiles(error, config);
  return text === undefined ? undefined : new StartProblem(text, { cause: error });
}

function explainListening(error: NodeJS.ErrnoException, { listen, tls }: Config): string | undefined {
  const where = `${listen.port}`;
  if (error.syscall === 'listen' || error.syscall === 'bind' || error.syscall === 'getaddrinfo') {
    switch (error.code) {
      case 'EADDRINUSE':
        return `Port ${where} is in use by another program. Stop it, or set TOOLGRANT_PORT to another port.`;
      case 'EACCES':
        return `Port ${where} may not be used by this account. Set TOOLGRANT_PORT to one above 1023, and let a proxy forward to it.`;
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return `This machine has no address ${listen.hosts.join(', ')}. Correct TOOLGRANT_HOST.`;
    }
  }
  const isAboutTls = /^ERR_(OSSL|SSL)/.test(error.code ?? '') || /PEM|key values mismatch/i.test(error.message);
  return tls && isAboutTls
    ? `TOOLGRANT_TLS_CERT and TOOLGRANT_TLS_KEY cannot be used together: ${error.message}. Set them to a PEM certificate chain and its key.`
    : undefined;
}

function explainFiles({ code, path, syscall }: NodeJS.ErrnoException, { dataDir }: Config): string | undefined {
  if (path === undefined || syscall === 'connect') return undefined;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${path} may not be written or read by this account (${code}). Let it, or name another folder in TOOLGRANT_DATA_DIR (now ${dataDir}).`;
    case 'ENOSPC':
      return `The disk of ${path} is full. Make room, or name a folder elsewhere in TOOLGRANT_DATA_DIR.`;
    case 'ENOENT':
      return syscall === 'mkdir' ? `No folder ${path} can be made. Name another one in TOOLGRANT_DATA_DIR (now ${dataDir}).` : undefined;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${path} is in the way: a folder is needed there. Move it, or name another folder in TOOLGRANT_DATA_DIR (now ${dataDir}).`;
    default:
      return undefined;
  }
}

function explainTrouble(error: unknown, { secrets }: { secrets: Secrets }): StartProblem | undefined {
  if (!isDatabaseTrouble(error)) return undefined;
  const url = secrets.databaseUrl?.reveal();
  const known = url === undefined ? undefined : explainDatabaseError(error, { url, setting: 'DATABASE_URL' });
  return known ?? new StartProblem(`The database does not answer: ${(error as Error).message}.`, { cause: error });
}
