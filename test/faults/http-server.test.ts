/** Listening, cutting off what dribbles, and stopping without dropping a request. */
import { get as httpsGet } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Listening, listen } from '../../src/http/server.ts';
import { makeSelfSigned } from '../support/self-signed.ts';

const open: Listening[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((listening) => listening.drain(0)));
});

async function start(...[handler, options]: Parameters<typeof listen>): Promise<Listening> {
  const listening = await listen(handler, options);
  open.push(listening);
  return listening;
}

/** Sends bytes and collects the answer until the connection ends. */
function talk(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

/**
 * Connects so many times from a thread of its own, each with a request, while this one stands still: nobody is taken in before this
 * returns. Returns what will have been answered.
 */
function connectUnseen(port: number, count: number): Promise<string[]> {
  const connected = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(
    `const { connect } = require('node:net');
    const { parentPort, workerData: { port, count, connected } } = require('node:worker_threads');
    const talk = () => new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', () => {
          Atomics.add(connected, 0, 1);
          Atomics.notify(connected, 0);
        });
      });
      let answer = '';
      socket.on('data', (chunk) => { answer += chunk; });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(answer));
    });
    Promise.all(Array.from({ length: count }, talk)).then((answers) => parentPort.postMessage(answers));`,
    { eval: true, workerData: { port, count, connected } },
  );
  const answers = new Promise<string[]>((resolve, reject) => thread.once('message', resolve).once('error', reject));
  for (let seen = 0; seen < count; seen = Atomics.load(connected, 0)) {
    if (Atomics.wait(connected, 0, seen, 30_000) === 'timed-out') throw new Error(`${seen} of ${count} could connect`);
  }
  return answers;
}

/** Waits until nobody takes connections there; the test's own time limit ends it. */
async function refuses(port: number): Promise<void> {
  const isOpen = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => socket.destroy());
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(true));
    });
  while (await isOpen()) await pause(10);
}

describe('listening', () => {
  it('both loopback families answer on one port', async () => {
    const { port, addresses } = await start((_, response) => response.end('here'), { hosts: ['127.0.0.1', '::1'], port: 0 });
    expect(addresses).toEqual(['127.0.0.1', '::1']);
    for (const host of ['127.0.0.1', '[::1]']) expect(await (await fetch(`http://${host}:${port}/`)).text()).toBe('here');
  });

  it('a port in use is an error, and nothing is left listening', async () => {
    const first = await start((_, response) => response.end(), { hosts: ['::1'], port: 0 });
    await expect(listen((_, response) => response.end(), { hosts: ['127.0.0.1', '::1'], port: first.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await expect(fetch(`http://127.0.0.1:${first.port}/`)).rejects.toThrow();
  });

  it('https is served with the given certificate', async () => {
    const { port } = await start((_, response) => response.end('here'), { hosts: ['127.0.0.1'], port: 0, tls: makeSelfSigned() });
    const status = await new Promise((resolve, reject) => {
      httpsGet({ host: '127.0.0.1', port, rejectUnauthorized: false, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
    expect(status).toBe(200);
  });
});

describe('ABUSE-76: requests that cannot be read', () => {
  it('headers beyond 16 KiB are 431, rubbish is 400, and others are served meanwhile', async () => {
    const { port } = await start((_, response) => response.end('here'), { hosts: ['127.0.0.1'], port: 0 });
    expect(await talk(port, `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431/);
    expect(await talk(port, 'rubbish\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('here');
  });

  it('headers that dribble in are cut off with 408', async () => {
    const { port } = await start((_, response) => response.end('here'), { hosts: ['127.0.0.1'], port: 0 });
    expect(await talk(port, 'GET / HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1\.1 408/);
  }, 30_000);
});

describe('ABUSE-85: stopping', () => {
  it('a request under way is finished, a new connection is refused, idle ones are closed', async () => {
    const arrived = Promise.withResolvers<() => void>();
    const listening = await start((_, response) => arrived.resolve(() => response.end('finished')), { hosts: ['127.0.0.1'], port: 0 });
    const underWay = fetch(`http://127.0.0.1:${listening.port}/`).then((response) => response.text());
    const finish = await arrived.promise;
    const drained = listening.drain(10_000);
    expect(listening.isDraining()).toBe(true);
    await refuses(listening.port);
    finish();
    expect(await underWay).toBe('finished');
    // Long before the deadline, although the client keeps its connection alive.
    expect(await Promise.race([drained.then(() => 'drained'), pause(3_000, 'still open', { ref: false })])).toBe('drained');
  });

  it('whoever had connected is answered, however many wait to be taken in', async () => {
    const listening = await start((_, response) => response.end('here'), { hosts: ['127.0.0.1'], port: 0 });
    const answers = connectUnseen(listening.port, 50);
    await listening.drain(10_000);
    expect((await answers).filter((answer) => !answer.endsWith('here'))).toEqual([]);
  });

  it('is over after the last request, even one whose caller has left', async () => {
    const arrived = Promise.withResolvers<void>();
    const order: string[] = [];
    const handler: Parameters<typeof listen>[0] = (_, response) => {
      response.once('close', () => order.push('request'));
      arrived.resolve();
    };
    const listening = await start(handler, { hosts: ['127.0.0.1'], port: 0 });
    const caller = connect(listening.port, '127.0.0.1', () => caller.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    await arrived.promise;
    const drained = listening.drain(10_000).then(() => order.push('drained'));
    await refuses(listening.port);
    caller.destroy();
    await drained;
    expect(order).toEqual(['request', 'drained']);
  });

  it('a request that never ends is cut off at the deadline', async () => {
    const listening = await start(() => undefined, { hosts: ['127.0.0.1'], port: 0 });
    const cut = expect(fetch(`http://127.0.0.1:${listening.port}/`)).rejects.toThrow();
    await pause(50);
    await listening.drain(100);
    await cut;
  });
});
