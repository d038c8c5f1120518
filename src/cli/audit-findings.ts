import type { AuditFinding } from '../domain/audit-differences.ts';
import type { TrailReport } from '../services/check-trail.ts';
import { plainText } from './plain-text.ts';

/** What was found out about a trail, for people. */
export function describeTrail(report: TrailReport & { unsealed?: number }): string {
  const { tenant, seals, events, head, dropped, findings, more, unsealed = 0 } = report;
  const isWhole = findings.length === 0;
  const lines = [
    isWhole
      ? `The trail of ${plainText(tenant)} is whole: ${count(events, 'event')} in ${count(seals, 'seal')}, as they were sealed.`
      : `The trail of ${plainText(tenant)} is NOT as it was sealed: ${count(findings.length + more, 'finding')} in ${count(events, 'event')} and ${count(seals, 'seal')}.`,
    ...findings.map((finding) => `  ${findingWords(finding)}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
    ...(dropped.length > 0 ? [`  Gone when their time was over, their seals are there: ${dropped.join(', ')}.`] : []),
    ...(unsealed > 0
      ? [`  ${count(unsealed, 'event')} came after the last seal, and ${unsealed === 1 ? 'is' : 'are'} not sealed yet.`]
      : []),
    ...(head
      ? [`  It ends with seal ${head.seal} of ${head.sealedAt}, up to event ${head.events}, signed by ${head.kid}:`, `  ${head.jws}`]
      : []),
  ];
  return lines.join('\n');
}

/** One finding, in a line. */
export function findingWords(finding: AuditFinding): string {
  switch (finding.kind) {
    case 'event-changed':
      return `Event ${finding.number} (${plainText(finding.id)}, seal ${finding.seal}) was changed: sealed as ${finding.expected}, now ${finding.found}.`;
    case 'event-missing':
      return `Event ${finding.number} (seal ${finding.seal}) is gone${neighbours(finding)}: sealed as ${finding.expected}.`;
    case 'event-inserted':
      return `Event ${plainText(finding.id)} stands within or behind seal ${finding.seal}, and is in no seal: ${finding.found}.`;
    case 'event-moved':
      return `Event ${plainText(finding.id)} stands in another place than it was sealed in (seal ${finding.seal}).`;
    case 'events-gone':
      return `All ${finding.events} events of ${finding.month} in seal ${finding.from}${finding.to > finding.from ? ` to ${finding.to}` : ''} are gone, and no event says that their time was over.`;
    case 'seal-changed':
      return `Seal ${finding.seal}: ${plainText(finding.problem)}.`;
    case 'seals-missing':
      return finding.from === finding.to ? `Seal ${finding.from} is gone.` : `Seals ${finding.from} to ${finding.to} are gone.`;
    case 'chain-broken':
      return `Seal ${finding.seal} goes on from another seal than the one before it: expected ${finding.expected ?? 'none'}, found ${finding.found ?? 'none'}.`;
    case 'seal-unsigned':
      return `Seal ${finding.seal} is signed by ${plainText(finding.kid)}, which is no key that counts here.`;
    case 'checkpoint-unmet':
      return `The checkpoint of seal ${finding.seal} is not met: ${finding.problem}.`;
  }
}

function neighbours({ after, before }: { after?: string; before?: string }): string {
  const places = [
    ...(after === undefined ? [] : [`after ${plainText(after)}`]),
    ...(before === undefined ? [] : [`before ${plainText(before)}`]),
  ];
  return places.length > 0 ? ` (it stood ${places.join(', ')})` : '';
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}
