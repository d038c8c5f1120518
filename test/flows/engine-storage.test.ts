import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Adapter } from 'oidc-provider';
import { createAdapterFactory } from '../../src/oidc/adapter.ts';
import { createRefreshSuccessors } from '../../src/oidc/refresh-successor.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let test: TestRuntime;
let adapterFor: (model: string) => Adapter;

beforeAll(async () => {
  test = await createTestRuntime();
  const { runtime, tenant } = test;
  const successors = createRefreshSuccessors(runtime.vault, tenant.id);
  adapterFor = createAdapterFactory({ runtime, tenant, successors, originOf: () => ({ actorType: 'issuer' }), callerOf: () => 'here' });
});
afterAll(() => test.end());

const dump = async () => JSON.stringify(await test.runtime.store.artifact.findMany());

describe('the engine’s storage', () => {
  it('ENG-3: knows artifacts by digest, and gives them back whole', async () => {
    const codes = adapterFor('AuthorizationCode');
    await codes.upsert('the-code', { jti: 'the-code', kind: 'AuthorizationCode', grantId: 'g', exp: 1 }, 60);
    expect(await dump()).not.toContain('the-code');
    const found = await codes.find('the-code');
    expect(found).toMatchObject({ jti: 'the-code', kind: 'AuthorizationCode', grantId: 'g' });
    expect(Number(found?.exp)).toBeGreaterThan(Date.now() / 1_000 + 50);
    expect(await adapterFor('RefreshToken').find('the-code')).toBeUndefined();
  });

  it('ENG-3: finds a session by its other name with its id, which lies there sealed', async () => {
    const sessions = adapterFor('Session');
    await sessions.upsert('the-session', { jti: 'the-session', uid: 'the-uid', accountId: 'usr_x', kind: 'Session' }, 60);
    expect(await dump()).not.toContain('the-session');
    expect(await sessions.findByUid('the-uid')).toMatchObject({ jti: 'the-session', uid: 'the-uid' });
    expect(await sessions.findByUid('another')).toBeUndefined();
  });

  it('ENG-3: an interaction’s row holds neither the session’s cookie nor its own key', async () => {
    const interactions = adapterFor('Interaction');
    const returnTo = `${test.tenant.issuer}/authorize/the-interaction`;
    const session = { accountId: 'usr_x', uid: 'u', cookie: 'the-cookie' };
    await interactions.upsert('the-interaction', { jti: 'the-interaction', returnTo, session, kind: 'Interaction' }, 60);
    expect(await dump()).not.toMatch(/the-cookie|the-interaction/);
    expect(await interactions.find('the-interaction')).toMatchObject({ jti: 'the-interaction', returnTo, session: { uid: 'u' } });
  });

  it('ENG-1: of ten that consume one artifact, one does', async () => {
    const codes = adapterFor('AuthorizationCode');
    await codes.upsert('once', { jti: 'once', kind: 'AuthorizationCode', grantId: 'g' }, 60);
    const tries = await Promise.allSettled(Array.from({ length: 10 }, () => codes.consume('once')));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const attempt of tries)
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ error: 'invalid_grant', statusCode: 400 });
  });

  it('ENG-2: of ten that use one proof, one does', async () => {
    const proofs = adapterFor('ReplayDetection');
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, () => proofs.upsert('proof', { jti: 'proof', iss: 'x', kind: 'ReplayDetection' }, 60)),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('ENG-5: what is used once stays when the engine throws it away, so that its reuse is noticed', async () => {
    const tokens = adapterFor('RefreshToken');
    await tokens.upsert('used', { jti: 'used', kind: 'RefreshToken', grantId: 'g' }, 60);
    await tokens.consume('used');
    await tokens.destroy('used');
    expect(await test.runtime.store.artifact.count({ where: { model: 'RefreshToken', consumedAt: { not: null } } })).toBe(1);
  });

  it('clients are not the engine’s to change', async () => {
    const clients = adapterFor('Client');
    await expect(clients.upsert('cli_x', { client_id: 'cli_x' }, 0)).rejects.toThrow(/services/);
    await expect(clients.destroy('cli_x')).rejects.toThrow(/services/);
    for (const id of ['', 'cli_\0', 'srv_\0', 'srv_unknown', 'x'.repeat(300), 'cli_ä']) expect(await clients.find(id)).toBeUndefined();
  });
});
