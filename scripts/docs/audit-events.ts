import { auditEventTypes, ocsfClasses } from '../../src/domain/audit-event.ts';

const introduction = `# Types of audit events

<!-- Generated from src/domain/audit-event.ts by \`npm run docs\`. -->

The list is closed: nothing else is ever written. What every event has is in [audit.md](audit.md). "About" names the columns that no event of the type lacks; it may have more. The last column is the class of the Open Cybersecurity Schema Framework (OCSF) that it is an event of.
`;

/** docs/audit-events.md: every type of audit event. */
export function renderAuditEvents(): string {
  const rows = Object.entries(auditEventTypes).map(([type, { when, about, detail = '', ocsf }]) => [
    `\`${type}\``,
    when,
    about.map((column) => `\`${column}\``).join(', '),
    detail,
    `${ocsf} (${ocsfClasses[ocsf]})`,
  ]);
  const lines = [['type', 'when', 'about', 'detail', 'OCSF'], ['---', '---', '---', '---', '---'], ...rows];
  return `${introduction}\n${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}
