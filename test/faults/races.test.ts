import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256 } from '../../src/platform/digest.ts';
import { createManualClient } from '../../src/services/create-client.ts';
import { exchange, type RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { type IssuerProcess, startIssuerProcess } from '../support/issuer-process.ts';
import { authorizationUrl, connect, isActive, newPkce, type Tokens } from '../support/oauth-client.ts';
import type { Browser } from '../support/person.ts';

/** Of each kind at least 1,000 tries over two processes on one database: races times requests at once. */
const codeRaces = 200;
const requestsPerCode = 5;
const refreshRaces = 804;
const requestsPerRefresh = 3;
const families = 12;

let issuer: TestIssuer;
let processes: IssuerProcess[];
let person: TestPerson;
let server: TestServer;
let client: { clientId: string; redirectUri: string };

beforeAll(async () => {
  issuer = await startIssuer();
  processes = [await startIssuerProcess(issuer), await startIssuerProcess(issuer)];
  person = await issuer.addPerson();
  server = await issuer.addServer();
  const created = await createManualClient(issuer.runtime, issuer.tenant, {
    request: { name: 'Racer', redirectUris: ['https://racer.example/cb'], authMethod: 'none' },
    origin: { actorType: 'operator' },
  });
  if (!created.ok) throw new Error(created.problem.reason);
  client = { clientId: created.client.id, redirectUri: 'https://racer.example/cb' };
}, 60_000);
afterAll(async () => {
  await Promise.all(processes.map((one) => one.stop()));
  await issuer.stop();
});

/** Sends one token request several times at once, to both processes in turn. */
function race(times: number, parameters: Record<string, string>): Promise<RawResponse[]> {
  const body = new URLSearchParams({ client_id: client.clientId, ...parameters }).toString();
  const request = { method: 'POST', path: '/token', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body };
  return Promise.all(
    Array.from({ length: times }, (_, index) => {
      const { origin } = processes[index % processes.length] as IssuerProcess;
      return exchange(origin, request);
    }),
  );
}

function isInvalidGrant(answer: RawResponse): boolean {
  return answer.status === 400 && answer.json<{ error?: string }>().error === 'invalid_grant';
}

/** The refresh tokens of a family that have not been used. */
async function countLiveTokens(refreshToken: string): Promise<number> {
  const { store } = issuer.runtime;
  const row = await store.artifact.findFirst({ where: { model: 'RefreshToken', digest: sha256(refreshToken) } });
  return store.artifact.count({ where: { model: 'RefreshToken', grantId: row?.grantId ?? '', consumedAt: null } });
}

/** A proven client with a standing consent gets a code without a page. */
async function newCode(browser: Browser): Promise<{ code: string; code_verifier: string }> {
  const { verifier, challenge } = newPkce();
  const response = await browser.get(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge }));
  return { code: new URL(response.headers.location ?? '').searchParams.get('code') ?? '', code_verifier: verifier };
}

describe('two processes on one database', () => {
  it('ABUSE-41, ENG-1: no code is ever redeemed twice', async () => {
    const { browser } = await connect(issuer, { client, person, server });
    let doubles = 0;
    let faults = 0;
    let leftAlive = 0;
    for (let round = 0; round < codeRaces; round += 1) {
      const authorized = await newCode(browser);
      const answers = await race(requestsPerCode, { grant_type: 'authorization_code', redirect_uri: client.redirectUri, ...authorized });
      const won = answers.filter(({ status }) => status === 200);
      if (won.length !== 1) doubles += 1;
      faults += answers.filter((answer) => answer.status !== 200 && !isInvalidGrant(answer)).length;
      if (round % 10 === 0 && won[0] && (await isActive(issuer, server, won[0].json<Tokens>().access_token))) leftAlive += 1;
    }
    expect({ doubles, faults, leftAlive }).toEqual({ doubles: 0, faults: 0, leftAlive: 0 });
  }, 300_000);

  it('ABUSE-48, ENG-1: no refresh token ever has two successors, and no honest client loses its family', async () => {
    const run = async () => {
      const outcome = { doubles: 0, faults: 0, died: 0 };
      let { refresh_token: token } = await connect(issuer, { client, person, server });
      for (let round = 0; round < refreshRaces / families; round += 1) {
        const answers = await race(requestsPerRefresh, { grant_type: 'refresh_token', refresh_token: token });
        const successors = new Set(answers.filter(({ status }) => status === 200).map((answer) => answer.json<Tokens>().refresh_token));
        if (successors.size > 1) outcome.doubles += 1;
        if (successors.size === 0) outcome.died += 1;
        outcome.faults += answers.filter(({ status }) => status !== 200).length;
        token = [...successors][0] ?? token;
      }
      return { ...outcome, live: await countLiveTokens(token) };
    };
    const outcomes = [];
    for (let started = 0; started < families; started += 4) outcomes.push(...(await Promise.all([run(), run(), run(), run()])));
    for (const outcome of outcomes) expect(outcome).toEqual({ doubles: 0, faults: 0, died: 0, live: 1 });
  }, 300_000);
});
