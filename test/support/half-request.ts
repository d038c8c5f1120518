import { connect } from 'node:net';

/** A request that a server has begun to serve and cannot finish before `finish`. */
export interface HalfRequest {
  /** Sends the rest; resolves with everything that was answered. */
  finish(): Promise<string>;
  /** Gives up. */
  abandon(): void;
}

/** Sends the first half of a registration, and waits until the server says that it wants the other half. */
export async function beginRequest(port: number): Promise<HalfRequest> {
  const body = JSON.stringify({ redirect_uris: ['http://127.0.0.1/callback'], token_endpoint_auth_method: 'none' });
  const socket = connect({ host: '127.0.0.1', port });
  let answer = '';
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined); // told by `close`
  const continued = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      if (answer.startsWith('HTTP/1.1 100')) resolve();
    });
    void ended.then(() => reject(new Error(`the connection was closed: ${answer}`)));
  });
  const head = ['POST /register HTTP/1.1', `Host: localhost:${port}`, 'Content-Type: application/json', `Content-Length: ${body.length}`];
  socket.write(`${[...head, 'Expect: 100-continue', 'Connection: close'].join('\r\n')}\r\n\r\n`);
  await continued;
  socket.write(body.slice(0, 10));
  return {
    finish: async () => {
      socket.write(body.slice(10));
      await ended;
      return answer.slice(answer.indexOf('\r\n\r\n') + 4);
    },
    abandon: () => socket.destroy(),
  };
}
