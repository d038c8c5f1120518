import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { FetchLike } from '../../src/resource-server/ambient.ts';

export const ISSUER = 'https://issuer.example';
export const RESOURCE = 'http://localhost:4001/mcp';

/** A key pair as the fake issuer holds it. */
export interface FakeKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: Record<string, unknown>;
}

export async function makeKey(kid: string, alg = 'ES256'): Promise<FakeKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** An issuer that answers through `fetch` alone: outbound network is what tests may fake. */
export class FakeIssuer {
  readonly issuer: string;
  /** URLs asked for, in order. */
  readonly asked: string[] = [];
  /** Bodies of POSTs with their Authorization, by path. */
  readonly posted: { path: string; authorization: string | undefined; body: string }[] = [];
  readonly revoked = new Set<number>();
  readonly selections = new Map<string, string>();
  readonly introspections = new Map<string, Record<string, unknown>>();
  /** While true, no request is answered. */
  isDown = false;
  /** Answers to give instead of the proper ones, by path. */
  readonly instead = new Map<string, () => Response>();
  statusListBits = 1024;
  keys: FakeKey[];
  now: () => Date;

  constructor(options: { key: FakeKey; issuer?: string; now?: () => Date }) {
    this.issuer = options.issuer ?? ISSUER;
    this.keys = [options.key];
    this.now = options.now ?? (() => new Date());
  }

  readonly fetch: FetchLike = async (url, init) => {
    this.asked.push(url);
    // Nothing on a network answers in the same turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.isDown) throw new TypeError('fetch failed');
    const path = new URL(url).pathname;
    if (init.method === 'POST') {
      this.posted.push({ path, authorization: init.headers['authorization'], body: init.body ?? '' });
    }
    return this.instead.get(path)?.() ?? (await this.answer(path, init.body ?? ''));
  };

  /** The reports of all batches that were answered, in order. */
  get reports(): Record<string, unknown>[] {
    return this.batches.flatMap(({ reports }) => reports);
  }

  /** The batches of reports that arrived. */
  get batches(): { reports: Record<string, unknown>[]; dropped?: Record<string, unknown> }[] {
    return this.posted.filter(({ path }) => path.endsWith('/servers/reports')).map(({ body }) => JSON.parse(body));
  }

  /** How many requests went to URLs that contain a text. */
  count(part: string): number {
    return this.asked.filter((url) => url.includes(part)).length;
  }

  async token(
    claims: JWTPayload & Record<string, unknown> = {},
    options: { header?: Record<string, unknown>; key?: FakeKey } = {},
  ): Promise<string> {
    const key = options.key ?? this.signingKey;
    const seconds = Math.floor(this.now().getTime() / 1000);
    const payload: Record<string, unknown> = {
      iss: this.issuer,
      aud: RESOURCE,
      sub: 'usr_ada',
      client_id: 'client-1',
      scope: 'tool:list_issues tool:get_issue',
      iat: seconds,
      exp: seconds + 900,
      jti: `jti-${Math.random()}`,
      consent: 'cns_1',
      status: { status_list: { idx: 7, uri: `${this.issuer}/status/0` } },
      ...claims,
    };
    for (const [name, value] of Object.entries(payload)) if (value === undefined) delete payload[name];
    return new SignJWT(payload as JWTPayload)
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...options.header })
      .sign(key.privateKey);
  }

  async statusListToken(claims: Record<string, unknown> = {}, options: { typ?: string; key?: FakeKey } = {}): Promise<string> {
    const key = options.key ?? this.signingKey;
    const seconds = Math.floor(this.now().getTime() / 1000);
    const bytes = new Uint8Array(this.statusListBits / 8);
    for (const index of this.revoked) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
    return new SignJWT({
      sub: `${this.issuer}/status/0`,
      iss: this.issuer,
      iat: seconds,
      exp: seconds + 300,
      ttl: 10,
      status_list: { bits: 1, lst: deflateSync(bytes).toString('base64url') },
      ...claims,
    })
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: options.typ ?? 'statuslist+jwt' })
      .sign(key.privateKey);
  }

  /** Stores a selection document; returns its hash, which is the claim. */
  select(names: readonly string[]): string {
    const document = JSON.stringify({ salt: 'c2FsdA', tools: names.map((name) => ({ name, digest: 'd' })) });
    const hash = createHash('sha256').update(document).digest('base64url');
    this.selections.set(hash, document);
    return hash;
  }

  private get signingKey(): FakeKey {
    const [key] = this.keys;
    if (key === undefined) throw new Error('The fake issuer has no key.');
    return key;
  }

  private async answer(path: string, body: string): Promise<Response> {
    if (path.startsWith('/.well-known/oauth-authorization-server')) {
      return Response.json({
        issuer: this.issuer,
        jwks_uri: `${this.issuer}/jwks`,
        introspection_endpoint: `${this.issuer}/introspect`,
      });
    }
    if (path.endsWith('/jwks')) return Response.json({ keys: this.keys.map((key) => key.publicJwk) });
    if (path.includes('/status/')) return new Response(await this.statusListToken());
    if (path.endsWith('/servers/hello')) return new Response(null, { status: 204 });
    if (path.endsWith('/servers/reports')) {
      const { reports } = JSON.parse(body) as { reports: unknown[] };
      return Response.json({ accepted: reports.length, known: 0, refused: [], now: this.now().toISOString() });
    }
    if (path.endsWith('/introspect')) {
      const token = new URLSearchParams(body).get('token') ?? '';
      return Response.json(this.introspections.get(token) ?? { active: false });
    }
    const document = this.selections.get(path.split('/selections/')[1] ?? '');
    return document === undefined ? new Response('{}', { status: 404 }) : new Response(document);
  }
}
