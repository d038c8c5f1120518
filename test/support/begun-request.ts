import { type Agent, request as httpRequest } from 'node:http';
import type { Origin, RawRequest } from './http-exchange.ts';

/**
 * What became of a request. `dropped`: the server had begun with it, and did not answer. `reset`: it had not, so that HTTP lets clients
 * send it again. `refused`: nobody listens any more.
 */
export type Fate = { kind: 'answered'; status: number; text: string } | { kind: 'dropped' | 'reset' | 'refused' };

/** Sends a request of which the server says when it begins (`100 Continue`); the body goes then. Never rejects. */
export function askBegun(
  agent: Agent,
  { port, host }: Origin,
  { method = 'GET', path, headers = {}, body = '' }: RawRequest,
): Promise<Fate> {
  return new Promise((resolve) => {
    let hasBegun = false;
    const lose = (error?: NodeJS.ErrnoException) =>
      resolve({ kind: hasBegun ? 'dropped' : error?.code === 'ECONNREFUSED' ? 'refused' : 'reset' });
    const sent = httpRequest({
      ...{ host: '127.0.0.1', port, method, path, agent },
      headers: { Host: host, Expect: '100-continue', ...(body.length > 0 && { 'Content-Length': Buffer.byteLength(body) }), ...headers },
    });
    sent.on('continue', () => {
      hasBegun = true;
      sent.end(body);
    });
    sent.on('response', (response) => {
      // Whoever answers without having asked for the body wants none.
      hasBegun = true;
      sent.end();
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', lose);
      response.on('end', () => resolve({ kind: 'answered', status: response.statusCode ?? 0, text }));
    });
    sent.on('error', lose);
    sent.flushHeaders();
  });
}
