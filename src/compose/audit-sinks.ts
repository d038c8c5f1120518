import type { Config, Secrets } from '../config/config.ts';
import type { GuardedFetch } from '../platform/guarded-fetch.ts';
import { readWebhookSecret } from '../platform/standard-webhooks.ts';
import { type AuditSink, createFileSink, createWebhookSink } from '../services/audit-sinks.ts';

/** Where the settings say that the audit trail is delivered to. */
export function auditSinks({ config, secrets, send }: { config: Config; secrets: Secrets; send: GuardedFetch }): AuditSink[] {
  const { file, webhookUrl: url } = config.auditStream;
  const key = secrets.auditWebhook && readWebhookSecret(secrets.auditWebhook.reveal());
  return [
    ...(file === undefined ? [] : [createFileSink(file)]),
    ...(url !== undefined && key ? [createWebhookSink({ url, key, send })] : []),
  ];
}
