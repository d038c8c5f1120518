import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { HttpProblem } from '../../../src/http/http-problem.ts';
import { readForm, readJsonObject } from '../../../src/http/request-body.ts';

function request(body: string | Buffer, type: string, headers: Record<string, string> = {}): IncomingMessage {
  const chunks = [Buffer.from(body)];
  return Object.assign(Readable.from(chunks), { headers: { 'content-type': type, ...headers } }) as unknown as IncomingMessage;
}
const form = (body: string | Buffer, type = 'application/x-www-form-urlencoded') => readForm(request(body, type));
const json = (body: string | Buffer, type = 'application/json') => readJsonObject(request(body, type));
const kindOf = (work: Promise<unknown>) =>
  work.then(
    () => 'read',
    (error: unknown) => (error instanceof HttpProblem ? error.kind : String(error)),
  );

describe('forms', () => {
  it('gives the value of a field, and all values of one that may come more than once', async () => {
    const read = await form('email=a%2Bb%40c&tool=x&tool=y+z', 'application/x-www-form-urlencoded; charset=UTF-8');
    expect([read.text('email'), read.text('absent'), read.all('tool')]).toEqual(['a+b@c', '', ['x', 'y z']]);
  });

  it('ABUSE-8: names like those of built-ins are fields and nothing else', async () => {
    const read = await form('__proto__=1&constructor=2');
    expect([read.text('__proto__'), read.text('constructor'), read.text('toString')]).toEqual(['1', '2', '']);
  });

  it('refuses a second value where there is one to be', async () => {
    const read = await form('do=deny&do=allow');
    expect(() => read.text('do')).toThrow(HttpProblem);
  });

  it.each([
    ['another type', form('a=b', 'text/plain'), 'form-unreadable'],
    ['no type', form('a=b', ''), 'form-unreadable'],
    ['NUL', form('a=%00'), 'form-unreadable'],
    ['raw NUL', form('a=\0'), 'bad-request'],
    ['broken UTF-8, encoded', form('a=%ff'), 'form-unreadable'],
    ['broken UTF-8, raw', form(Buffer.from([0x61, 0x3d, 0xff])), 'bad-request'],
    ['too many fields', form('a=b&'.repeat(6_000)), 'form-unreadable'],
    ['a body that turns out too large', form('x'.repeat(40_000)), 'body-too-large'],
    [
      'a body that says it is too large',
      readForm(request('a=b', 'application/x-www-form-urlencoded', { 'content-length': '99999' })),
      'body-too-large',
    ],
  ])('ABUSE-30: refuses %s', async (_, work, kind) => {
    expect(await kindOf(work)).toBe(kind);
  });
});

describe('JSON', () => {
  it('gives the members of an object', async () => {
    expect([...(await json('{"library":"x","__proto__":{"a":1}}'))]).toEqual([
      ['library', 'x'],
      ['__proto__', { a: 1 }],
    ]);
  });

  it.each([
    ['an array', json('[]'), 'bad-request'],
    ['null', json('null'), 'bad-request'],
    ['half an object', json('{"a":'), 'bad-request'],
    ['another type', json('{}', 'text/json'), 'bad-request'],
    ['5,000 levels', json(`{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`), 'bad-request'],
    ['17 levels', json(`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`), 'bad-request'],
    ['a large text', json(`{"a":"${'x'.repeat(40_000)}"}`), 'body-too-large'],
  ])('ABUSE-10: refuses %s', async (_, work, kind) => {
    expect(await kindOf(work)).toBe(kind);
  });

  it('brackets within texts are no levels', async () => {
    expect((await json(`{"a":"${'[{'.repeat(50)}\\""}`)).get('a')).toBe(`${'[{'.repeat(50)}"`);
  });

  it('ABUSE-76: a text without an end is looked at once, however many quotes are in it', async () => {
    // Far more than is accepted: a look from each quote to the end would take hours.
    const body = `{"a":"${'\\"'.repeat(2_000_000)}`;
    expect(await kindOf(readJsonObject(request(body, 'application/json'), 8_000_000))).toBe('bad-request');
  });
});
