/** What the engine ties to a context must not outlive the request: it did, until all of the heap was looked through. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import type { Context } from 'koa';
import Provider from 'oidc-provider';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { registrationBodies } from '../support/registration-bodies.ts';

const module = resolve(import.meta.dirname, '../../src/oidc/engine-context.ts');

/** Ties 20,000 contexts of 8 KB each as the engine does, 32 of them in use at a time, and prints by how much the old generation grew. */
const program = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { lendToEngine } from ${JSON.stringify(module)};
  const contexts = { shared: true };
  const inUse = [];
  const oldBytes = () => getHeapSpaceStatistics().filter(({ space_name }) => space_name.startsWith('old')).reduce((sum, { space_used_size }) => sum + space_used_size, 0);
  const before = oldBytes();
  for (let index = 0; index < 20_000; index += 1) {
    const ctx = Object.assign(Object.create(contexts), { req: { body: new Array(1_000).fill(index) }, state: {} });
    let tied;
    Object.defineProperty(lendToEngine(ctx), 'oidc', { get: () => (tied ||= { ctx }) });
    if (ctx.oidc.ctx !== ctx) throw new Error('not tied');
    inUse[index % 32] = ctx;
  }
  console.log(oldBytes() - before);`;

it('ENG-35: a request that is answered is garbage that the young generation gets rid of', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--max-semi-space-size=8',
    '--no-warnings',
    '--input-type=module-typescript',
    '--eval',
    program,
  ]);
  const grownBytes = Number.parseInt(stdout, 10);
  expect(grownBytes).toBeGreaterThan(-4_000_000);
  // Tied to the context itself it is 160 MB, or what is left of that when the heap was looked through last.
  expect(grownBytes).toBeLessThan(4_000_000);
});

it('ENG-35: each way into the engine ties it to a context that is whole and lent', async () => {
  const issuer = await startIssuer();
  try {
    const tied = watchTies(issuer);
    const post = (path: string, fields: Record<string, string>) =>
      issuer.send({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(fields).toString(),
      });
    const registered = await issuer.send({
      method: 'POST',
      path: '/register',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(registrationBodies['the TypeScript SDK v2']),
    });
    const { client_id } = registered.json<{ client_id: string }>();
    await issuer.send({ path: `/authorize?${new URLSearchParams({ client_id, response_type: 'code' })}` });
    await post('/token', { client_id, grant_type: 'refresh_token', refresh_token: 'of-nobody' });
    await post('/revoke', { client_id, token: 'of-nobody' });
    expect(['/authorize', '/token', '/revoke'].filter((path) => !tied.has(path))).toEqual([]);
    expect([...tied].flatMap(([path, contexts]) => (contexts.every(isWholeAndLent) ? [] : path))).toEqual([]);
  } finally {
    await issuer.stop();
  }
});

/** The contexts that the engine works on whenever the time is asked for, by path. */
function watchTies({ runtime }: TestIssuer): Map<string, Context[]> {
  const tied = new Map<string, Context[]>();
  const { clock } = runtime;
  const now = () => {
    const ctx = Provider.ctx as Context | undefined;
    if (ctx?.['oidc'] !== undefined) tied.set(ctx.path, [...(tied.get(ctx.path) ?? []), ctx]);
    return clock.now();
  };
  Object.assign(runtime, { clock: { ...clock, now } });
  return tied;
}

/** It has no accessor of its own, and inherits from the application's contexts alone. */
function isWholeAndLent(ctx: Context): boolean {
  return !Object.hasOwn(ctx, 'oidc') && Object.hasOwn(ctx, 'req') && !Object.hasOwn(Object.getPrototypeOf(ctx), 'req');
}
