import type { ReceiptClaims } from '../domain/consent-receipt.ts';
import { plainText } from './plain-text.ts';

/** A receipt that holds, for people. */
export function receiptWords({
  iss,
  pii_principal,
  recipient,
  service,
  permissions,
  event,
  valid_until,
  ...record
}: ReceiptClaims): string {
  const { tools, resources, prompts } = permissions;
  const names = [...tools.map(({ name }) => name), ...(resources ? ['resources'] : []), ...(prompts ? ['prompts'] : [])];
  return [
    `The receipt is of ${plainText(iss)}, and unchanged. It says, of the consent ${plainText(record.record_id)} in version ${record.record_version}:`,
    `  ${plainText(pii_principal.email)} allowed ${plainText(recipient.client_name ?? recipient.client_id)} (${plainText(recipient.client_id)})`,
    `  on ${plainText(service.name)} (${plainText(service.resource)}): ${whatOf(event.state, names)}`,
    `  decided ${event.time}, ${valid_until === null ? 'until it is withdrawn' : `until ${valid_until}`}`,
  ].join('\n');
}

function whatOf(state: ReceiptClaims['event']['state'], names: readonly string[]): string {
  return state === 'paused' ? 'nothing now, because it is paused' : names.map(plainText).join(', ');
}

/** Why a receipt is worth nothing; follows the file's name. */
export function receiptProblemWords(problem: 'no-receipt' | 'unknown-key' | 'changed'): string {
  switch (problem) {
    case 'no-receipt':
      return 'is no consent receipt.';
    case 'unknown-key':
      return 'was signed by a key that is none of these. Is it of this issuer and tenant (--tenant)?';
    case 'changed':
      return 'was changed: its signature does not hold.';
  }
}
