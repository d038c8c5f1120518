/** Requests that end in the middle: nobody is left to be answered, and nothing is wrong with the issuer. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

const form = 'application/x-www-form-urlencoded';

/** Sends half of a body, and leaves. */
function leaveInTheMiddle(path: string, type: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(issuer.origin.port, '127.0.0.1');
    socket.on('close', () => resolve());
    socket.on('error', () => undefined);
    const head = [`POST ${path} HTTP/1.1`, `Host: ${issuer.origin.host}`, `Content-Type: ${type}`, 'Content-Length: 100'];
    // Whoever is told to go on is being read.
    socket.on('data', () => socket.write('{"a":', () => socket.destroy()));
    socket.write(`${[...head, 'Expect: 100-continue'].join('\r\n')}\r\n\r\n`);
  });
}

it.each([
  ['/sign-in', form],
  ['/token', form],
  ['/register', 'application/json'],
  ['/introspect', form],
])('ABUSE-86: who leaves in the middle of POST %s is no trouble of the database, and no fault', async (path, type) => {
  issuer.log.length = 0;
  await leaveInTheMiddle(path, type);
  while (!issuer.log.some((line) => line.includes('"aborted":true'))) await sleep(10);
  expect(issuer.log.filter((line) => /"level":"(?:warn|error|fatal)"/.test(line))).toEqual([]);
  expect((await issuer.send({ path: '/jwks' })).status).toBe(200);
});
