/**
 * The engine's storage; this file and `client-adapter.ts` alone of this room touch the store. The engine's id of an artifact **is** the
 * opaque token, so digests stand for ids, and payloads are kept without theirs (ENG-3). What is used once is consumed by
 * compare-and-set (ENG-1). Consents and installations say what may be done; grants here are markers that end with them.
 */
import Provider, { type Adapter, type AdapterPayload, errors } from 'oidc-provider';
import type { ClientId, UserId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { endInstallationOfGrant } from '../services/end-installation.ts';
import type { Runtime } from '../services/runtime.ts';
import { sealPurposes } from '../services/seal-purposes.ts';
import { signOut } from '../services/sign-out.ts';
import {
  type Artifact,
  type ArtifactKey,
  addArtifact,
  changeArtifact,
  consumeArtifact,
  deleteArtifact,
  deleteSessionsOfUser,
  extendArtifact,
  findArtifact,
  findArtifactByUid,
  findSettledArtifact,
  keepArtifact,
  type NewArtifact,
} from '../store/artifacts.ts';
import type { Database } from '../store/client.ts';
import { UnitOfWork } from '../store/unit-of-work.ts';
import { type AdapterEnvironment, currentState } from './adapter-environment.ts';
import { ClientAdapter } from './client-adapter.ts';
import { AlreadyUsed } from './client-assertion.ts';
import { judgeRepeat, type Standing } from './refresh-repeat.ts';
import { type RevocationReason, stateOf, type Unit } from './request-state.ts';
import { paths } from './routes.ts';

/** Begins the unit of work of a token request. */
export function beginUnitOfWork(runtime: Runtime): Unit {
  return new UnitOfWork(runtime.store);
}

/** Signs a person out everywhere, except in the session named by `keepUid`. */
export async function endSessionsOfUser({ runtime, tenant }: AdapterEnvironment, userId: UserId, keepUid?: string): Promise<void> {
  await deleteSessionsOfUser(runtime.store, tenant.id, userId, keepUid);
}

/** Lets a session live on until `expiresAt`; one that has ended meanwhile stays ended. */
export async function extendSession({ runtime, tenant }: AdapterEnvironment, sessionId: string, expiresAt: Date): Promise<void> {
  await extendArtifact(runtime.store, tenant.id, { model: 'Session', digest: sha256(sessionId) }, expiresAt);
}

/** Signs the browser of a request out of its session; `clientId`: the client that sent it to us for that. False when it was over. */
export async function endSession(
  { runtime, tenant, originOf }: AdapterEnvironment,
  ctx: object,
  { sessionId, userId, clientId }: { sessionId: string; userId: UserId; clientId?: ClientId },
): Promise<boolean> {
  const session = { model: 'Session', digest: sha256(sessionId) };
  return signOut(runtime, tenant, { session, userId, origin: originOf(ctx), ...(clientId !== undefined && { clientId }) });
}

/** The engine's `adapter` setting. */
export function createAdapterFactory(environment: AdapterEnvironment): (model: string) => Adapter {
  return (model) => (model === 'Client' ? new ClientAdapter(environment) : new ArtifactAdapter(model, environment));
}

/** Models of which each row is used once: what is consumed stays, because its reuse must be noticed (ENG-5). */
const usedOnce = new Set(['AuthorizationCode', 'RefreshToken']);

class ArtifactAdapter implements Adapter {
  readonly #model: string;
  readonly #environment: AdapterEnvironment;

  constructor(model: string, environment: AdapterEnvironment) {
    this.#model = model;
    this.#environment = environment;
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const { tenant } = this.#environment;
    const artifact = this.#toArtifact(id, payload, expiresIn);
    if (this.#model === 'ReplayDetection') {
      // The engine looks first and adds then; whoever adds second has lost the race (ENG-2). A proof is used, whatever becomes of the
      // request: it is kept beside the writes of that, which may be undone.
      if (!(await addArtifact(this.#environment.runtime.store, tenant.id, artifact))) throw new AlreadyUsed({ detail: 'replayed' });
      return;
    }
    if (this.#model === 'Session') return this.#keepSession(id, artifact);
    if (this.#model !== 'RefreshToken') return this.#write((db) => keepArtifact(db, tenant.id, artifact));
    // A successor that is handed out once more is there already; it is never made twice.
    const state = currentState();
    if (state?.successor === id) return;
    if (state?.short && !state.short.successor) {
      state.short.successor = artifact;
      return;
    }
    if (!(await this.#write((db) => addArtifact(db, tenant.id, artifact)))) throw new Error('a refresh token was about to be issued twice');
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const prepared = this.#findPrepared(id);
    if (prepared) return this.#toPayload(prepared, id);
    const artifact = await this.#read((db) => findArtifact(db, this.#environment.tenant.id, this.#keyOf(id)));
    if (!artifact) return undefined;
    const payload = this.#toPayload(artifact, id);
    const state = currentState();
    if (this.#model === 'Session' && state) state.sessionId = id;
    if (this.#model !== 'RefreshToken' || !artifact.consumedAt) return payload;
    const standing = await this.#read((db) => this.#judgeRepeat(db, artifact, id));
    if (standing.outcome === 'unknown') return undefined;
    return standing.outcome === 'repeat' ? { ...payload, consumed: undefined } : payload;
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const { runtime, tenant } = this.#environment;
    const artifact = await this.#read((db) => findArtifactByUid(db, tenant.id, { model: this.#model, uid }));
    if (!artifact?.sealedId) return undefined;
    return this.#toPayload(artifact, runtime.vault.open(artifact.sealedId, { purpose: idPurpose, tenantId: tenant.id }));
  }

  /** The device flow is off. */
  async findByUserCode(): Promise<undefined> {
    return undefined;
  }

  async consume(id: string): Promise<void> {
    const { runtime, tenant } = this.#environment;
    const state = currentState();
    if (state?.short && this.#isPresented(id)) {
      state.short.isConsumed = true;
      return;
    }
    const hasNothingToLose = state?.unit?.isOpen === false;
    if (await this.#write((db) => consumeArtifact(db, tenant.id, this.#keyOf(id), runtime.clock.now()))) return;
    // Whoever comes second has the row locked all the same. Let go of it, or those who repeat are served one after another.
    if (hasNothingToLose) await state?.unit?.rollback();
    const standing = await this.#write(async (db): Promise<Standing> => {
      const artifact = await findArtifact(db, tenant.id, this.#keyOf(id));
      if (!artifact) return { outcome: 'unknown' };
      if (this.#model === 'RefreshToken') return this.#judgeRepeat(db, artifact, id);
      return { outcome: 'reuse', grantId: grantIdOf(artifact) };
    });
    if (standing.outcome === 'repeat' && state) {
      state.successor = standing.successor;
      return;
    }
    if (standing.outcome === 'reuse' && standing.grantId) state?.revocations.set(standing.grantId, reasonOf(this.#model));
    throw new errors.InvalidGrant({ detail: `${this.#model} used more than once` });
  }

  async destroy(id: string): Promise<void> {
    const { runtime, tenant, originOf } = this.#environment;
    if (usedOnce.has(this.#model)) return;
    if (this.#model !== 'Grant') return this.#remove(id);
    // The engine revokes a grant: what ends is the installation that it marks.
    const ctx = Provider.ctx;
    if (!ctx) throw new Error('a grant was revoked outside a request');
    const state = stateOf(ctx);
    const reason = ctx.oidc.route === 'revocation' ? 'revoked-by-client' : reasonOf(ctx.oidc.params?.grant_type);
    if (state.unit) state.revocations.set(id, reason);
    else await endInstallationOfGrant(runtime, tenant, { grantId: id, reason, origin: originOf(ctx) });
  }

  async #remove(id: string): Promise<void> {
    const ending = this.#model === 'Session' ? endingNow(id) : undefined;
    const isRemoved = ending
      ? await endSession(this.#environment, ending.ctx, ending)
      : await this.#write((db) => deleteArtifact(db, this.#environment.tenant.id, this.#keyOf(id)));
    if (isRemoved) return;
    // Of two that come back with one interaction, one goes on.
    if (this.#model === 'Interaction') throw new errors.SessionNotFound('interaction session not found');
    const state = currentState();
    if (this.#model === 'Session' && state?.sessionId === id) state.isSessionOver = true;
  }

  /** A session that somebody ended while this request was under way stays ended; without this, a thief's next request would revive it. */
  async #keepSession(id: string, artifact: NewArtifact): Promise<void> {
    const { tenant } = this.#environment;
    const state = currentState();
    // A cookie that opens nothing makes the engine begin a session for nobody; there is nothing in it to keep.
    if (state && artifact.accountId === undefined && artifact.payload.state === undefined) state.isSessionOver = true;
    if (state?.isSessionOver) return;
    if (state?.sessionId !== id) return this.#write((db) => keepArtifact(db, tenant.id, artifact));
    if (!(await this.#write((db) => changeArtifact(db, tenant.id, artifact)))) state.isSessionOver = true;
  }

  /** Nothing to do: tokens are worth what their installation is worth, and `destroy` of the grant ends that. */
  async revokeByGrantId(): Promise<void> {}

  #judgeRepeat(db: Database, artifact: Artifact, id: string): Promise<Standing> {
    const { clock, lifetimes } = this.#environment.runtime;
    return judgeRepeat(
      { id, consumedAt: artifact.consumedAt, grantId: grantIdOf(artifact) },
      {
        now: clock.now(),
        graceSeconds: lifetimes.refreshGraceSeconds,
        arrivedAt: currentState()?.arrivedAt,
        findSuccessor: (presented) => this.#findSuccessor(db, presented),
      },
    );
  }

  /** What a request on the short way has read already. */
  #findPrepared(id: string): Artifact | undefined {
    const facts = currentState()?.short?.prepared.facts;
    if (this.#model === 'Grant' && facts?.grantId === id) return facts.grant;
    return this.#isPresented(id) ? facts?.artifact : undefined;
  }

  #isPresented(id: string): boolean {
    const short = currentState()?.short;
    return short?.presented === id && short.prepared.facts.artifact.model === this.#model;
  }

  async #findSuccessor(db: Database, id: string): Promise<{ id: string; consumedAt?: Date } | undefined> {
    for (const successor of this.#environment.successors.possible(id)) {
      const artifact = await findSettledArtifact(db, this.#environment.tenant.id, this.#keyOf(successor));
      if (artifact) return { id: successor, ...(artifact.consumedAt && { consumedAt: artifact.consumedAt }) };
    }
    return undefined;
  }

  #keyOf(id: string): ArtifactKey {
    return { model: this.#model, digest: sha256(id) };
  }

  #toArtifact(id: string, payload: AdapterPayload, expiresIn: number | undefined): NewArtifact {
    const { runtime, tenant } = this.#environment;
    const now = runtime.clock.now();
    const { grantId, accountId, uid, state } = payload;
    const isSession = this.#model === 'Session';
    const seal = (text: string, purpose: string) => runtime.vault.seal(text, { purpose, tenantId: tenant.id });
    return {
      ...this.#keyOf(id),
      // A session's state has what proves that the sign-out page was seen.
      payload: { ...withoutSecrets(payload), ...(state !== undefined && { state: seal(JSON.stringify(state), statePurpose) }) },
      createdAt: now,
      ...(isSession && uid !== undefined && { uid, sealedId: seal(id, idPurpose) }),
      ...(grantId !== undefined && { grantId }),
      ...(accountId !== undefined && { accountId }),
      ...(expiresIn !== undefined && { expiresAt: new Date(now.getTime() + expiresIn * 1_000) }),
    };
  }

  #toPayload(artifact: Artifact, id: string): AdapterPayload {
    const { runtime, tenant } = this.#environment;
    const seconds = (at: Date) => Math.floor(at.getTime() / 1_000);
    const { state } = artifact.payload;
    const openState = (sealed: string) => JSON.parse(runtime.vault.open(sealed, { purpose: statePurpose, tenantId: tenant.id }));
    return {
      ...artifact.payload,
      jti: id,
      ...(typeof state === 'string' && { state: openState(state) }),
      ...(this.#model === 'Interaction' && { returnTo: `${tenant.issuer}${paths.authorize}/${id}` }),
      ...(artifact.expiresAt && { exp: seconds(artifact.expiresAt) }),
      ...(artifact.consumedAt && { consumed: seconds(artifact.consumedAt) }),
    };
  }

  #read<T>(work: (db: Database) => Promise<T>): Promise<T> {
    return currentState()?.unit?.read(work) ?? work(this.#environment.runtime.store);
  }

  #write<T>(work: (db: Database) => Promise<T>): Promise<T> {
    return currentState()?.unit?.write(work) ?? work(this.#environment.runtime.store);
  }
}

/** What sealed ids and states are bound to. */
const idPurpose = sealPurposes.artifactId;
const statePurpose = 'artifact-state';

function reasonOf(modelOrGrantType: unknown): RevocationReason {
  return modelOrGrantType === 'RefreshToken' || modelOrGrantType === 'refresh_token' ? 'refresh-reuse' : 'code-replay';
}

function grantIdOf(artifact: Artifact): string | undefined {
  const { grantId } = artifact.payload;
  return typeof grantId === 'string' ? grantId : undefined;
}

/** The payload repeats the id as `jti`, that of an interaction also as part of `returnTo`, and holds the live session cookie. */
function withoutSecrets(payload: AdapterPayload): Record<string, unknown> {
  const { jti: _, returnTo: __, session, ...rest } = payload as AdapterPayload & { session?: Record<string, unknown> };
  if (!session) return rest;
  const { cookie: ___, ...bound } = session;
  return { ...rest, session: bound };
}

/** The session that the engine ends because its person says so at `/logout`; it takes sessions away for other reasons as well. */
function endingNow(sessionId: string): { ctx: object; sessionId: string; userId: UserId; clientId?: ClientId } | undefined {
  const ctx = Provider.ctx;
  const { route, params, session } = ctx?.oidc ?? {};
  if (!ctx || route !== 'end_session_confirm' || !params?.logout || session?.accountId === undefined) return undefined;
  const { clientId } = session.state ?? {};
  return {
    ctx,
    sessionId,
    userId: session.accountId as UserId,
    ...(typeof clientId === 'string' && { clientId: clientId as ClientId }),
  };
}
