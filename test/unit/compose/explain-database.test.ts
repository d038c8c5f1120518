import { describe, expect, it } from '@jest/globals';
import { explainDatabaseError } from '../../../src/compose/explain-database.ts';

const url = 'postgres://app:hush@db.example.com:5432/toolgrant';
const explain = (error: object, from = url) => explainDatabaseError(error, { url: from, setting: 'DATABASE_URL' })?.message;

describe('why a database cannot be used', () => {
  it.each([
    ['ECONNREFUSED', 'No database answers at db.example.com:5432'],
    ['ENOTFOUND', 'is not known'],
    ['ETIMEDOUT', 'cannot be reached'],
    ['28P01', 'refuses the password of the role app'],
    ['28000', 'does not let the role app in'],
    ['3D000', 'There is no database "toolgrant"'],
    ['42501', 'lacks rights in the database "toolgrant"'],
    ['53300', 'has no connection left'],
    ['57P03', 'is starting up or shutting down'],
  ])('%s is explained, with what to do and without the password', (code, words) => {
    const message = explain({ code, message: 'as PostgreSQL says it' });
    expect(message).toContain(words);
    expect(message).toMatch(/\. .*(DATABASE_URL|toolgrant migrate|TOOLGRANT_DATABASE_POOL_SIZE|Try again)/);
    expect(message).not.toContain('hush');
  });

  it.each([
    ['timeout expired', 'does not answer in time'],
    ['The server does not support SSL connections', '"sslmode" in DATABASE_URL'],
    ['self-signed certificate', '"sslmode" in DATABASE_URL'],
    ['Connection terminated unexpectedly', 'ended the connection'],
  ])('"%s", which has no code, too', (message, words) => {
    expect(explain({ message })).toContain(words);
  });

  it('names the socket where there is one, and defaults as the clients do', () => {
    expect(explain({ code: 'ENOENT' }, 'postgres://app:hush@localhost/db?host=%2Frun%2Fpg')).toContain('at /run/pg.');
    expect(explain({ code: '3D000' }, 'postgres://app@db.example.com')).toContain('There is no database "app" at db.example.com.');
    expect(explain({ code: '28P01' }, 'postgres://db.example.com/x')).toContain('the role of your account');
  });

  it('leaves faults of ours alone', () => {
    expect(explain({ code: '42601', message: 'syntax error' })).toBeUndefined();
    expect(explain(new TypeError('x is not a function'))).toBeUndefined();
  });
});
