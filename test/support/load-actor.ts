/** One agent with its person, as a load: it registers, is allowed, refreshes, revokes, and begins again; the books know each answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Books } from './books.ts';
import type { RawResponse } from './http-exchange.ts';
import type { TestPerson, TestServer } from './issuer.ts';
import {
  authorize,
  basic,
  claimsOf,
  type IssuerDoor,
  postForm,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from './oauth-client.ts';
import { Browser } from './person.ts';
import { postReports, type ReportsAnswer, reportOf } from './tool-reports.ts';

/** Where and as whom an actor acts. */
export interface ActorOptions {
  door: IssuerDoor;
  books: Books;
  person: TestPerson;
  server: TestServer;
  /** 0 ≤ x < 1; seeded, so that a run can be repeated. */
  random: () => number;
  /** Called between operations: pauses, and says whether to go on. */
  pace: () => Promise<boolean>;
}

/** Tokens of one family, as acknowledged. */
interface Family {
  client: TestClient;
  current: Pick<Tokens, 'access_token' | 'refresh_token'>;
  /** Refresh tokens that were used: dead for ever once their successor was used too. */
  spent: string[];
}

/** How many families are begun by another visit, with a sign-in of its own. */
const signInShare = 0.3;
const retryPauseMs = 50;
const retries = 600;

/** An agent that acts until its pace ends. */
export class LoadActor {
  readonly #options: ActorOptions;
  #browser: Browser;
  #isSignedIn = false;
  readonly #live: Family[] = [];
  readonly #revoked: Family[] = [];

  constructor(options: ActorOptions) {
    this.#options = options;
    this.#browser = new Browser(options.door.origin);
  }

  /** Acts until told to end. */
  async run(): Promise<void> {
    const { pace } = this.#options;
    while (await pace()) {
      const family = await this.#begin();
      if (!family) continue;
      this.#live.push(family);
      await this.#reportCalls(family);
      if (this.#options.random() < signInShare) this.#signOff();
      const steps = 2 + Math.floor(this.#options.random() * 6);
      for (let step = 0; step < steps && (await pace()); step += 1) {
        if (!(await this.#refresh(family))) break;
        await this.#introspect(family, true);
        await this.#reportCalls(family);
        await this.#readDocuments(family);
      }
      if (this.#options.random() < 0.4) await this.#revoke(family);
    }
  }

  /** Looks whether everything is as acknowledged. The issuer must serve again; ends all that lives. */
  async check(): Promise<void> {
    for (const family of this.#live) {
      if (!(await this.#refresh(family))) this.#options.books.accuse('a live family cannot be refreshed');
      await this.#introspect(family, true);
      const spent = family.spent.at(-2); // the last one's successor was not used yet
      if (spent !== undefined) await this.#mustBeDead(family, spent, 'a spent refresh token');
    }
    for (const family of this.#revoked) {
      await this.#introspect(family, false);
      await this.#mustBeDead(family, family.current.refresh_token, 'a revoked refresh token');
    }
  }

  /** How many families lived and were revoked, as acknowledged. */
  get counts(): { live: number; revoked: number } {
    return { live: this.#live.length, revoked: this.#revoked.length };
  }

  /** What clients and servers fetch besides. */
  async #readDocuments(family: Family): Promise<void> {
    const { door, books } = this.#options;
    const { status } = claimsOf(family.current.access_token) as { status: { status_list: { uri: string } } };
    const paths = ['/.well-known/oauth-authorization-server', '/jwks', new URL(status.status_list.uri).pathname];
    const path = paths[Math.floor(this.#options.random() * paths.length)] ?? '/jwks';
    books.judge(path, 200, await this.#timed(path, () => door.send({ path })));
  }

  /** What the server tells of calls by the family. It sends a batch again until there is an answer, and each call counts once. */
  async #reportCalls(family: Family): Promise<void> {
    const { door, books, server, random } = this.#options;
    const reports = Array.from({ length: 1 + Math.floor(random() * 5) }, () => reportOf(family.current));
    for (let tries = 0; tries < retries; tries += 1) {
      const answer = await this.#timed('reports', () => postReports(door, server, reports));
      const verdict = books.judge('reports', 200, answer);
      if (verdict === 'done') {
        const { accepted, known } = answer?.json<ReportsAnswer>() ?? { accepted: 0, known: 0 };
        if (accepted + known !== reports.length) books.accuse(`reports: ${answer?.text.slice(0, 300)}`);
        for (const _ of reports) books.acknowledge('tool.called');
      }
      if (verdict !== 'undecided') return;
      await sleep(retryPauseMs);
    }
    books.accuse('reports: no answer');
  }

  /** The next family begins in a browser that knows nothing. */
  #signOff(): void {
    this.#browser = new Browser(this.#options.door.origin);
    this.#isSignedIn = false;
  }

  /** Undefined: there was no answer. */
  async #timed(operation: string, send: () => Promise<RawResponse>): Promise<RawResponse | undefined> {
    const began = performance.now();
    const answer = await onceReached(send).catch(() => undefined);
    if (answer) this.#options.books.time(operation, performance.now() - began);
    return answer;
  }

  /** Registers, signs in if need be, consents, redeems: a client of its own for each family. Undefined: it did not come to tokens. */
  async #begin(): Promise<Family | undefined> {
    const { door, books, person, server } = this.#options;
    const client = await this.#attempt('register', () => onceReached(() => registerTestClient(door)));
    if (!client) return void books.leaveOpen('client.registered');
    books.acknowledge('client.registered');
    const authorized = await this.#attempt('authorize', () => authorize(door, { client, person, server, browser: this.#browser }));
    const isDone = authorized !== undefined && authorized.code !== '';
    if (!this.#isSignedIn) isDone ? books.acknowledge('user.signed-in') : books.leaveOpen('user.signed-in');
    this.#isSignedIn = isDone;
    if (!isDone) {
      books.leaveOpen('consent.given');
      if (authorized) this.#judgeRedirect(authorized.location);
      this.#signOff();
      return undefined;
    }
    books.acknowledge('consent.given');
    return this.#redeem(client, authorized);
  }

  /** A code whose redemption had no answer may be used up: it is not tried again, as an agent would not. */
  async #redeem(client: TestClient, authorized: { code: string; verifier: string }): Promise<Family | undefined> {
    const { door, books } = this.#options;
    const answer = await this.#timed('code', () => redeem(door, client, authorized));
    if (books.judge('code', 200, answer) !== 'done' || !answer) return void books.leaveOpen('token.issued');
    books.acknowledge('token.issued');
    return { client, current: answer.json<Tokens>(), spent: [] };
  }

  /** Repeats until there is an answer: the same refresh token must bring its successor, whether or not it was used already. */
  async #refresh(family: Family): Promise<boolean> {
    const { door, books } = this.#options;
    const { refresh_token: token } = family.current;
    const answer = await this.#decided('refresh', () => refresh(door, family.client, token), 'token.issued');
    if (!answer) return false;
    books.acknowledge('token.issued');
    const next = answer.json<Tokens>();
    if (next.refresh_token !== token) {
      family.spent.push(token);
      family.current = next;
    }
    return true;
  }

  async #revoke(family: Family): Promise<void> {
    const { door, books } = this.#options;
    this.#live.splice(this.#live.indexOf(family), 1);
    const parameters = { token: family.current.refresh_token, client_id: family.client.clientId };
    const answer = await this.#decided('revoke', () => postForm(door, '/revoke', parameters), 'token.revoked');
    if (!answer) return;
    books.acknowledge('token.revoked');
    this.#revoked.push(family);
    await this.#introspect(family, false);
  }

  async #introspect(family: Family, isLive: boolean): Promise<void> {
    const { door, books, server } = this.#options;
    const ask = () => postForm(door, '/introspect', { token: family.current.access_token }, basic(server.serverId, server.credential));
    const answer = await this.#timed('introspect', ask);
    if (books.judge('introspect', 200, answer) !== 'done') return;
    const { active } = answer?.json<{ active: boolean }>() ?? {};
    if (active !== isLive)
      books.accuse(isLive ? 'introspect: a live token is called inactive' : 'introspect: a revoked token is called active');
  }

  async #mustBeDead(family: Family, token: string, what: string): Promise<void> {
    const { door, books } = this.#options;
    for (let tries = 0; tries < retries; tries += 1) {
      const answer = await refresh(door, family.client, token).catch(() => undefined);
      if (answer?.status === 400 && answer.json().error === 'invalid_grant') return;
      if (answer?.status !== 503 && answer) return books.accuse(`${what} brought ${answer.status} ${answer.text.slice(0, 100)}`);
      await sleep(retryPauseMs);
    }
    books.accuse(`${what}: no answer`);
  }

  /** Repeats what may be repeated until it is decided. Each try without an answer may have happened. */
  async #decided(
    operation: string,
    send: () => Promise<RawResponse>,
    event: 'token.issued' | 'token.revoked',
  ): Promise<RawResponse | undefined> {
    const { books } = this.#options;
    for (let tries = 0; tries < retries; tries += 1) {
      const answer = await this.#timed(operation, send);
      const verdict = books.judge(operation, 200, answer);
      if (verdict === 'done') return answer;
      if (verdict === 'refused') return undefined;
      books.leaveOpen(event);
      await sleep(retryPauseMs);
    }
    books.accuse(`${operation}: no answer in ${(retries * retryPauseMs) / 1_000} s`);
    return undefined;
  }

  /** What a person does on pages: it may fail in many places, and is begun anew then. */
  async #attempt<T>(operation: string, work: () => Promise<T>): Promise<T | undefined> {
    const { books } = this.#options;
    try {
      const began = performance.now();
      const result = await work();
      books.time(operation, performance.now() - began);
      books.count(`${operation} done`);
      return result;
    } catch (error) {
      const text = (error as Error).message;
      const isTrouble = /\b503\b/.test(text) || /ECONN|socket hang up|EPIPE|aborted/.test(`${text} ${(error as { code?: string }).code}`);
      books.count(`${operation} ${isTrouble ? 'not now' : 'failed'}`);
      if (isTrouble) await sleep(retryPauseMs);
      else books.accuse(`${operation}: ${text.slice(0, 300)}`);
      return undefined;
    }
  }

  #judgeRedirect(location: URL): void {
    const error = location.searchParams.get('error');
    if (error !== 'server_error' && error !== 'temporarily_unavailable')
      this.#options.books.accuse(`authorize: sent on to ${location.search}`);
  }
}

/** Sends again while nobody listens: such a request has certainly not happened, and is not to be counted as undecided. */
async function onceReached<T>(send: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED' || tries === retries) throw error;
      await sleep(retryPauseMs);
    }
  }
}
