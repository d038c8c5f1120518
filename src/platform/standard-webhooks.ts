import { createHmac } from 'node:crypto';

/** Reads a secret as Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in base64. Undefined for anything else. */
export function readWebhookSecret(text: string): Buffer | undefined {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const key = Buffer.from(encoded ?? '', 'base64');
  return encoded !== undefined && key.length >= 24 && key.length <= 64 ? key : undefined;
}

/** The headers by which a receiver knows who sent a message, when, and that it is whole (Standard Webhooks, symmetric signature `v1`). */
export function webhookHeaders(key: Buffer, { id, at, body }: { id: string; at: Date; body: string }): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
