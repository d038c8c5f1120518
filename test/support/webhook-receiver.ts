/** Somebody who takes audit webhooks, as Standard Webhooks says. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message that was taken. */
export interface WebhookMessage {
  id: string;
  /** The id without the part that is the seal's own: `root_1_1`. */
  place: string;
  isSigned: boolean;
  type: string;
  data: {
    tenant: string;
    seal: number;
    part: number;
    parts: number;
    events: { id: string }[];
    proof?: { jws: string };
    keys?: object[];
  };
}

/** A receiver on this machine. */
export interface WebhookReceiver {
  url: string;
  /** As the setting has it. */
  secret: string;
  /** Those that were answered with 204, as they came: repeated ones as well. */
  messages: WebhookMessage[];
  /** What the message of a place is answered with; default 204. */
  answers: (place: string) => number | Promise<number>;
  /** The events of a tenant in the order in which they came first. */
  eventsOf(tenant: string): string[];
  stop(): Promise<void>;
}

/** Starts one. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const key = Buffer.alloc(32, 7);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const id = String(request.headers['webhook-id']);
    const place = id.replace(/_[\w-]{8}$/, '');
    const status = await receiver.answers(place);
    if (status === 204) {
      const { type, data } = JSON.parse(body);
      receiver.messages.push({ id, place, type, data, isSigned: isSigned(request.headers, { key, body }) });
    }
    // Redirects lead to the same place.
    response.writeHead(status, status >= 300 && status < 400 ? { location: receiver.url } : {}).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    secret: `whsec_${key.toString('base64')}`,
    messages: [],
    answers: () => 204,
    eventsOf: (tenant) => {
      const first = new Map(receiver.messages.filter(({ data }) => data.tenant === tenant).map(({ id, data }) => [id, data]));
      return [...first.values()].flatMap(({ events }) => events.map(({ id }) => id));
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return receiver;
}

function isSigned(headers: NodeJS.Dict<string | string[]>, { key, body }: { key: Buffer; body: string }): boolean {
  const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => String(headers[name]));
  const isRecent = Math.abs(Date.now() / 1_000 - Number(timestamp)) < 300;
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return isRecent && signature === `v1,${expected}`;
}
