/** The settings of the audit trail; part of `settings`. */
import * as forms from './forms.ts';
import type { Setting } from './setting.ts';

/** Each by the name that code uses for it. */
export const auditSettings = {
  audit: {
    name: 'TOOLGRANT_AUDIT',
    group: 'Database and data folder',
    description:
      'Whether `serve` insists that its database role cannot change audit rows (`immutable`), or accepts to run as their owner, where changes can only be noticed afterwards (`tamper-evident`). The embedded database is always the latter.',
    schema: forms.oneOf(['immutable', 'tamper-evident']),
    form: '`immutable` or `tamper-evident`',
    default: 'immutable',
    example: 'tamper-evident',
  },
  auditRetentionSeconds: {
    name: 'TOOLGRANT_AUDIT_RETENTION',
    group: 'Database and data folder',
    description:
      'How long audit events are kept; then whole months of them are dropped. It is the owner who decides: `migrate` writes it into the database (the embedded one takes it at each start), and whoever takes over the issuer cannot shorten it.',
    schema: forms.duration({ min: '30d', max: '36500d' }),
    form: 'a duration from `30d` to `36500d`',
    default: '2557d',
    example: '3653d',
  },
  auditFile: {
    name: 'TOOLGRANT_AUDIT_FILE',
    group: 'Operations',
    description:
      'A file that the audit trail of all tenants is appended to, some seconds behind, as `toolgrant audit export` writes it. It may be moved away (log rotation). Where several instances run, let one have it: what one has written no other writes. See docs/audit.md.',
    schema: forms.path(),
    form: 'a path; relative ones start at the working directory',
    absent: 'no such file is written',
    example: '/var/log/toolgrant/audit.jsonl',
  },
  auditWebhook: {
    name: 'TOOLGRANT_AUDIT_WEBHOOK',
    group: 'Operations',
    description:
      'Where the audit trail of all tenants is posted to, some seconds behind and in order, signed by Standard Webhooks: a SIEM, say. Comes with `TOOLGRANT_AUDIT_WEBHOOK_SECRET`. See docs/audit.md.',
    schema: forms.webhookUrl(),
    form: 'an `https` URL; plain `http` only to private addresses, names without dots, and `.internal`, `.local`, `.lan`, `.home.arpa`',
    absent: 'nothing is posted',
    example: 'https://siem.example.com/hooks/toolgrant',
  },
  auditWebhookSecret: {
    name: 'TOOLGRANT_AUDIT_WEBHOOK_SECRET',
    group: 'Operations',
    description:
      'What `TOOLGRANT_AUDIT_WEBHOOK` is signed with, and its receiver verifies. Make one with `echo "whsec_$(openssl rand -base64 32)"`.',
    schema: forms.webhookSecret(),
    form: '`whsec_` and 24 to 64 random bytes in base64',
    absent: 'see `TOOLGRANT_AUDIT_WEBHOOK`',
    secret: true,
    example: 'whsec_dGhpcyBpcyBhbiBleGFtcGxlLCBtYWtlIHlvdXIgb3duIQ==',
  },
} as const satisfies Record<string, Setting>;
