/**
 * Config: names, parses, defaults and cross-checks every setting, and reports all problems at once.
 * It opens nothing, connects to nothing and prints nothing; `cli` shows its errors, `compose.ts` builds from its result.
 */
import { resolve } from 'node:path';
import type { Config, LoadOptions, Secrets } from './config.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { crossCheck } from './cross-checks.ts';
import type { Environment } from './environment.ts';
import { type ReadSettings, readSettings, type SettingValues } from './read-settings.ts';
import { Secret } from './secret.ts';
import { type SettingKey, settings } from './settings.ts';

/** The settings in force. */
export interface LoadedConfig {
  config: Config;
  secrets: Secrets;
}

const defaultPort = 4000;

/** Reads the settings out of an environment (`readEnvironment`); throws `ConfigError` with every problem there is. */
export function loadConfig(env: Environment, options: LoadOptions = {}): LoadedConfig {
  const directory = options.directory ?? process.cwd();
  const read = readGiven(env, { ...options, directory });
  const refused = new Set(read.problems.map(({ setting }) => setting.replace(/_FILE$/, '')));
  const values = withDerivedDefaults(read.values, refused);
  const isGiven = (key: SettingKey) => values[key] !== undefined || refused.has(settings[key].name);
  const crossed = crossCheck(values, { ...options, directory, isGiven });
  const problems: ConfigProblem[] = [...read.problems, ...crossed];
  if (problems.length > 0) throw new ConfigError(problems);
  const complete = values as Complete;
  return {
    config: deepFreeze(toConfig(complete, { demo: options.demo ?? false, directory })),
    secrets: Object.freeze(toSecrets(complete)),
  };
}

/** An option goes before its variable, and is what a problem names then. */
function readGiven(env: Environment, { workers, directory }: LoadOptions & { directory: string }): ReadSettings {
  if (workers === undefined) return readSettings(env, directory);
  const { values, problems } = readSettings({ ...env, [settings.workers.name]: workers }, directory);
  return {
    values,
    problems: problems.map((problem) => (problem.setting === settings.workers.name ? { ...problem, setting: '--workers' } : problem)),
  };
}

type Complete = SettingValues & Required<Pick<SettingValues, 'issuer' | 'port'>>;

/** Where no proxy lies between, the issuer's port and the port to listen on are the same one: either gives the other its default. */
function withDerivedDefaults(values: Partial<SettingValues>, refused: ReadonlySet<string>): Partial<SettingValues> {
  const { issuer } = values;
  const isServedDirectly = issuer?.protocol === 'http:' || values.tlsCertificatePath !== undefined;
  const issuerPort = issuer && isServedDirectly ? Number(issuer.port) || (issuer.protocol === 'https:' ? 443 : 80) : undefined;
  const port = values.port ?? (refused.has(settings.port.name) ? undefined : (issuerPort ?? defaultPort));
  const noIssuer = issuer === undefined && !refused.has(settings.issuer.name) && port !== undefined;
  return { ...values, ...(port !== undefined && { port }), ...(noIssuer && { issuer: new URL(`http://localhost:${port}`) }) };
}

function toConfig(values: Complete, { demo, directory }: { demo: boolean; directory: string }): Config {
  const { tlsCertificatePath, tlsKeyPath, defaultResource, traceEndpoint } = values;
  return {
    issuer: values.issuer.href.replace(/\/+$/, ''),
    listen: {
      hosts: values.host === undefined ? ['127.0.0.1', '::1'] : [values.host],
      port: values.port,
      shutdownDelayMs: values.shutdownDelaySeconds * 1_000,
    },
    workers: values.workers,
    ...(tlsCertificatePath !== undefined &&
      tlsKeyPath !== undefined && {
        tls: { certificatePath: resolve(directory, tlsCertificatePath), keyPath: resolve(directory, tlsKeyPath) },
      }),
    trustedProxies: values.trustedProxies ?? [],
    database: {
      kind: values.databaseUrl === undefined ? 'embedded' : 'external',
      maxConnections: values.databasePoolSize,
      statementTimeoutMs: values.databaseStatementTimeoutSeconds * 1_000,
      waitMs: values.databaseWaitSeconds * 1_000,
    },
    dataDir: resolve(directory, values.dataDir),
    audit: values.audit,
    auditRetentionSeconds: values.auditRetentionSeconds,
    auditStream: {
      ...(values.auditFile !== undefined && { file: resolve(directory, values.auditFile) }),
      ...(values.auditWebhook !== undefined && { webhookUrl: values.auditWebhook }),
    },
    lifetimes: {
      accessTokenSeconds: values.accessTokenSeconds,
      refreshTokenSeconds: values.refreshTokenSeconds,
      refreshTokenIdleSeconds: values.refreshTokenIdleSeconds,
      refreshGraceSeconds: values.refreshGraceSeconds,
      sessionSeconds: values.sessionSeconds,
      sessionIdleSeconds: values.sessionIdleSeconds,
      keyRotationSeconds: values.keyRotationSeconds,
      catalogueSeconds: values.catalogueSeconds,
    },
    passwords: { memoryKib: values.argon2MemoryKib, passes: values.argon2Passes, maxConcurrent: values.argon2MaxConcurrent },
    rateLimits: values.rateLimits,
    ...(defaultResource !== undefined && { defaultResource }),
    maxTenantsInMemory: values.maxTenantsInMemory,
    ...(traceEndpoint !== undefined && {
      tracing: { endpoint: traceEndpoint, serviceName: values.serviceName, share: values.traceShare },
    }),
    logLevel: values.logLevel,
    ...(demo && { demo: { port: values.demoPort } }),
  };
}

function toSecrets(values: Complete): Secrets {
  const { databaseUrl, migrationDatabaseUrl, secret, previousSecret, metricsToken, traceHeaders, auditWebhookSecret } = values;
  return {
    ...(databaseUrl !== undefined && { databaseUrl: new Secret(databaseUrl) }),
    ...(migrationDatabaseUrl !== undefined && { migrationDatabaseUrl: new Secret(migrationDatabaseUrl) }),
    ...(secret !== undefined && { keyEncryptionKey: new Secret(secret) }),
    ...(previousSecret !== undefined && { previousKeyEncryptionKey: new Secret(previousSecret) }),
    ...(metricsToken !== undefined && { metricsToken: new Secret(metricsToken) }),
    ...(auditWebhookSecret !== undefined && { auditWebhook: new Secret(auditWebhookSecret) }),
    ...(traceHeaders !== undefined && { traceHeaders: new Secret(traceHeaders) }),
  };
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
