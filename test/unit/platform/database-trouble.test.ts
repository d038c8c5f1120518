import { describe, expect, it } from '@jest/globals';
import { isDatabaseTrouble, isRefusal } from '../../../src/platform/database-trouble.ts';

const withCode = (code: string, message = '') => Object.assign(new Error(message), { code });

describe('trouble of the database', () => {
  it.each([
    ['the server goes down', withCode('57P01')],
    ['it stood still in a transaction too long', withCode('25P03')],
    ['deadlock', withCode('40P01')],
    ['disk full', withCode('53100')],
    ['network', withCode('ECONNRESET')],
    ['the socket’s file is gone', withCode('ENOENT', 'connect ENOENT /data/run/.s.PGSQL.5432')],
    [
      'what the driver said, in Prisma’s words',
      withCode('P2039', 'Database error. Code: `57P03`. Message: `the database system is starting up`'),
    ],
    ['a transaction whose end met a closed connection', new Error('ConnectionClosed', { cause: { kind: 'ConnectionClosed' } })],
    ['the line is too long', new Error('Too many callers wait for a database connection.')],
    ['a cause', new Error('outer', { cause: withCode('53300') })],
    ['Prisma’s adapter', Object.assign(new Error(), { meta: { driverAdapterError: { cause: { originalCode: '57P01' } } } })],
  ])('%s', (_, error) => expect(isDatabaseTrouble(error)).toBe(true));

  it.each([
    ['a row that is there already', withCode('23505')],
    ['a table that is not', withCode('P2039', 'Database error. Code: `42P01`. Message: `no such table`')],
    ['a file that is not', withCode('ENOENT', 'ENOENT: no such file or directory, open /etc/x')],
    ['a fault of ours', new TypeError('undefined is not a function')],
    ['nothing', undefined],
  ])('not %s', (_, error) => expect(isDatabaseTrouble(error)).toBe(false));
});

describe('a statement that was refused, and undone', () => {
  it.each([
    ['a value that cannot be', withCode('22P05')],
    ['a row that is there already', withCode('23505')],
    ['the victim of a deadlock', withCode('40P01')],
  ])('%s', (_, error) => expect(isRefusal(error)).toBe(true));

  it.each([
    ['the server goes down, and what was done is unknown', withCode('57P01')],
    ['network', withCode('EPIPE')],
    ['the pool', new Error('Connection terminated unexpectedly')],
    ['nothing', undefined],
  ])('not %s', (_, error) => expect(isRefusal(error)).toBe(false));
});
