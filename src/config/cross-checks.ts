import { resolve } from 'node:path';
import { isLoopbackHost } from '../domain/resource-uri.ts';
import { checkAuditFile, checkAuditWebhook } from './audit-stream-checks.ts';
import { checkCertificateFiles } from './certificate.ts';
import type { LoadOptions } from './config.ts';
import type { ConfigProblem } from './config-error.ts';
import type { SettingValues } from './read-settings.ts';
import { type SettingKey, settings } from './settings.ts';

/** What the checks look at beside the values. */
export interface Circumstances extends LoadOptions {
  directory: string;
  /** Whether a setting was given at all, be it with a value that was refused. */
  isGiven(key: SettingKey): boolean;
}

type Check = (values: Partial<SettingValues>, circumstances: Circumstances) => ConfigProblem | readonly ConfigProblem[] | undefined;

/** What settings demand of one another. Checks of values pass over those that are absent or were refused. */
export function crossCheck(values: Partial<SettingValues>, circumstances: Circumstances): ConfigProblem[] {
  return [...checks.flatMap((check) => check(values, circumstances) ?? []), ...published(values)];
}

const webhookSecretCommand = 'echo "whsec_$(openssl rand -base64 32)"';

const checks: readonly Check[] = [
  (_, { isGiven, command }) =>
    isGiven('databaseUrl') && !isGiven('secret') && command !== 'migrate'
      ? {
          setting: 'TOOLGRANT_SECRET',
          problem: 'is required with DATABASE_URL',
          fix: 'Make one with `openssl rand -base64 32`, keep it, and set it.',
        }
      : undefined,

  (_, { isGiven, command }) =>
    isGiven('migrationDatabaseUrl') && !isGiven('databaseUrl') && command !== 'migrate'
      ? {
          setting: 'DATABASE_URL',
          problem: 'is not set, but TOOLGRANT_MIGRATION_DATABASE_URL is',
          fix: 'Set it to the same database with the runtime role; without it the embedded database would be used.',
        }
      : undefined,

  ({ migrationDatabaseUrl, databaseUrl }) =>
    migrationDatabaseUrl && migrationDatabaseUrl === databaseUrl
      ? {
          setting: 'TOOLGRANT_MIGRATION_DATABASE_URL',
          problem: 'is the same as DATABASE_URL',
          fix: 'Use two roles: an owner that migrates, and a runtime role that cannot change audit rows.',
        }
      : undefined,

  (_, { isGiven }) =>
    isGiven('previousSecret') && !isGiven('secret')
      ? { setting: 'TOOLGRANT_SECRET_PREVIOUS', problem: 'is set without TOOLGRANT_SECRET', fix: 'Set the present secret as well.' }
      : undefined,

  ({ secret, previousSecret }) =>
    previousSecret && previousSecret === secret
      ? {
          setting: 'TOOLGRANT_SECRET_PREVIOUS',
          problem: 'is the same as TOOLGRANT_SECRET',
          fix: 'Remove it once everything is encrypted anew.',
        }
      : undefined,

  ({ auditWebhook }, { isGiven }) =>
    auditWebhook && !isGiven('auditWebhookSecret')
      ? {
          setting: 'TOOLGRANT_AUDIT_WEBHOOK_SECRET',
          problem: 'is missing beside TOOLGRANT_AUDIT_WEBHOOK',
          fix: `Make one with \`${webhookSecretCommand}\`, and give it to the receiver as well.`,
        }
      : undefined,

  ({ auditWebhookSecret }, { isGiven }) =>
    auditWebhookSecret && !isGiven('auditWebhook')
      ? { setting: 'TOOLGRANT_AUDIT_WEBHOOK', problem: 'is missing beside TOOLGRANT_AUDIT_WEBHOOK_SECRET', fix: 'Set both or none.' }
      : undefined,

  ({ auditWebhook, issuer }) => (auditWebhook === undefined ? undefined : checkAuditWebhook(auditWebhook, issuer)),

  // Commands beside the issuer may be run by somebody who may not write there.
  ({ auditFile }, { directory, now }) => (auditFile === undefined || !now ? undefined : checkAuditFile(resolve(directory, auditFile))),

  ({ tlsCertificatePath, tlsKeyPath }) =>
    tlsCertificatePath && !tlsKeyPath
      ? { setting: 'TOOLGRANT_TLS_KEY', problem: 'is missing beside TOOLGRANT_TLS_CERT', fix: 'Set both or none.' }
      : undefined,

  ({ tlsCertificatePath, tlsKeyPath }) =>
    tlsKeyPath && !tlsCertificatePath
      ? { setting: 'TOOLGRANT_TLS_CERT', problem: 'is missing beside TOOLGRANT_TLS_KEY', fix: 'Set both or none.' }
      : undefined,

  ({ tlsCertificatePath, tlsKeyPath }, { directory, now }) =>
    checkCertificateFiles(
      {
        ...(tlsCertificatePath && { certificatePath: resolve(directory, tlsCertificatePath) }),
        ...(tlsKeyPath && { keyPath: resolve(directory, tlsKeyPath) }),
      },
      now,
    ),

  ({ tlsCertificatePath, issuer }) =>
    tlsCertificatePath && issuer?.protocol === 'http:'
      ? { setting: 'TOOLGRANT_ISSUER', problem: 'is plain http, but TOOLGRANT_TLS_CERT is set', fix: 'Begin it with https://.' }
      : undefined,

  ({ rateLimits, issuer }) =>
    rateLimits === 'off' && issuer && !isLoopbackHost(issuer.hostname)
      ? {
          setting: 'TOOLGRANT_RATE_LIMITS',
          problem: 'is off with an issuer that others can reach',
          fix: 'Remove it; it is for benchmarks on this machine.',
        }
      : undefined,

  ({ refreshTokenIdleSeconds = 0, refreshTokenSeconds = Number.POSITIVE_INFINITY }) =>
    refreshTokenIdleSeconds > refreshTokenSeconds
      ? {
          setting: 'TOOLGRANT_REFRESH_TOKEN_IDLE_LIFETIME',
          problem: 'is longer than TOOLGRANT_REFRESH_TOKEN_LIFETIME',
          fix: `Shorten it, or lengthen the other (default ${settings.refreshTokenSeconds.default}).`,
        }
      : undefined,

  ({ sessionIdleSeconds = 0, sessionSeconds = Number.POSITIVE_INFINITY }) =>
    sessionIdleSeconds > sessionSeconds
      ? {
          setting: 'TOOLGRANT_SESSION_IDLE_TIMEOUT',
          problem: 'is longer than TOOLGRANT_SESSION_LIFETIME',
          fix: `Shorten it, or lengthen the other (default ${settings.sessionSeconds.default}).`,
        }
      : undefined,

  (_, { isGiven, demo }) =>
    demo && isGiven('databaseUrl')
      ? { setting: '--demo', problem: 'makes a sample account, and DATABASE_URL names a database of yours', fix: 'Remove one of the two.' }
      : undefined,

  ({ issuer }, { demo }) =>
    demo && issuer && !isLoopbackHost(issuer.hostname)
      ? {
          setting: '--demo',
          problem: 'makes an account with a known password, and TOOLGRANT_ISSUER is not on this machine',
          fix: 'Remove one of the two.',
        }
      : undefined,

  ({ host }, { demo }) =>
    demo && host && !isLoopbackHost(host.includes(':') ? `[${host}]` : host)
      ? {
          setting: '--demo',
          problem: 'makes an account with a known password, and TOOLGRANT_HOST lets others in',
          fix: 'Remove one of the two.',
        }
      : undefined,

  ({ port, demoPort }, { demo }) =>
    demo && port !== undefined && port === demoPort
      ? { setting: 'TOOLGRANT_DEMO_PORT', problem: 'is the same as TOOLGRANT_PORT', fix: 'Choose another port for one of them.' }
      : undefined,
];

/** A secret that was copied from the documentation is known to everybody. */
function published(values: Partial<SettingValues>): ConfigProblem[] {
  const copied = (['secret', 'previousSecret', 'auditWebhookSecret'] as const).filter((key) => values[key] === settings[key].example);
  return copied.map((key) => ({
    setting: settings[key].name,
    problem: 'is the example of the documentation',
    fix: `Make your own with \`${key === 'auditWebhookSecret' ? webhookSecretCommand : 'openssl rand -base64 32'}\`.`,
  }));
}
