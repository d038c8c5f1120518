/**
 * What the engine room offers to the rest: types only. `createEngine` in `engine.ts` makes one of these per tenant.
 */
import type { Context, Middleware } from 'koa';
import type { Outcome } from '../domain/failures.ts';
import type { ClientId, UserId } from '../domain/ids.ts';
import type { DocumentClientProblem } from '../services/admit-document-client.ts';
import type { Admission } from '../services/limit-attempts.ts';
import type { AnsweredPage } from '../services/record-answer.ts';
import type { Origin } from '../services/runtime.ts';

/** The protocol engine of one tenant. */
export interface Engine {
  /** Serves the protocol endpoints below the tenant's issuer, by exact path; everything else goes to the next middleware. */
  handle: Middleware;
  /** Whether `handle` answers at a path, as it stands in the request. */
  serves(path: string): boolean;
  /** The document at a path, where it is the same for whoever reads it; the newest at each call. `handle` answers the same. */
  document(path: string): PublicDocument | undefined;
  interactions: Interactions;
  sessions: Sessions;
}

/** A document that is made once and read by everyone. */
export interface PublicDocument {
  body: string;
  /** All that is particular to it; what every answer carries comes besides. */
  headers: Readonly<Record<string, string>>;
}

/** What the engine leaves to those who call it. */
export interface EngineSettings {
  /** The resource meant by clients that name none; without it they get `invalid_target` (MCP-21). */
  defaultResource?: string;
  /** Answers with an error page. Status and `no-store` are set already; it sets type and body. */
  renderError(ctx: Context, problem: PageProblem): void | Promise<void>;
  /** Answers with the page that asks whether to sign out. Its form posts the fields of `form` to `form.action`. */
  renderSignOut(ctx: Context, page: SignOutPage): void | Promise<void>;
  /** Answers with the page shown after signing out where no redirect was asked for. */
  renderSignedOut(ctx: Context): void | Promise<void>;
  /** Counts a client that introduces itself by its document; the same limit as for those that register. */
  admitNewClient(ctx: Context): Promise<Admission>;
  /** What counts as one caller for limits. */
  groupCaller(ctx: Context): string;
  /** Where a request comes from, for the audit trail. */
  describeCaller(ctx: Context): Pick<Origin, 'address' | 'requestId' | 'traceId'>;
}

/** What is wrong with an authorization or sign-out request. */
export interface RequestProblem {
  kind: /** Unknown, removed, or another tenant's: never told apart. */
    | 'client-unknown'
    | 'client-blocked'
    | 'client-missing'
    | 'redirect-uri-unknown'
    | 'redirect-uri-missing'
    | 'missing'
    | 'twice'
    | 'response-type'
    | 'response-mode'
    | 'request-object'
    | 'pkce'
    | 'prompt'
    | 'scope'
    | 'resource'
    | 'identity-parameter'
    | 'character'
    /** The client asked not to show a page, and one is needed. */
    | 'person-needed'
    | 'denied'
    | 'session'
    | 'other';
  /** The parameters that it is about, where the kind does not say. */
  parameter?: string;
}

/** Why an error page is shown; all of it is safe to show once escaped. */
export interface PageProblem {
  status: number;
  /** The OAuth error code. */
  error: string;
  description?: string;
  /** Absent for faults of ours. */
  request?: RequestProblem;
  /** The client would be told at `location`, below one of its redirect URIs; only the person may send it there. */
  wayBack?: { redirectUri: string; location: string };
  /** The client is a document that cannot be gone by. */
  document?: DocumentClientProblem;
  /** As sent by the client; unknown ones too. Untrusted text. */
  clientId?: string;
  /** The name of the client, when it is known. Untrusted text. */
  clientName?: string;
}

/** The sign-out page. */
export interface SignOutPage {
  /** `fields` go along hidden; a button named `logout` with the value `yes` signs out, one without a name does not. */
  form: { action: string; fields: Readonly<Record<string, string>> };
  /** The client that sent the person here, when one did. Untrusted text. */
  clientName?: string;
}

/** The sign-in session of a browser: one for `/account`, `/widen` and the interactions. */
export interface Session {
  userId: UserId;
  signedInAt: Date;
  /** Names the session without opening it; stays the same when the session id changes. */
  uid: string;
}

/** A session, with the address of whom it is for. */
export interface CurrentSession extends Session {
  email: string;
}

/** Sign-in sessions. */
export interface Sessions {
  /** The session of this browser; undefined when nobody is signed in, it has run out, or the user may not sign in any more. */
  current(ctx: Context): Promise<CurrentSession | undefined>;
  /** Signs a person in: always a new session id (ABUSE-33), and the cookie with it. The password was checked before. */
  start(ctx: Context, userId: UserId): Promise<Session>;
  /** Signs this browser out. */
  end(ctx: Context): Promise<void>;
  /** Signs a person out everywhere, except in the session named by `keepUid`. */
  endAllOf(userId: UserId, options?: { keepUid?: string }): Promise<void>;
}

/** An authorization request that waits for its person. */
export interface PendingInteraction {
  uid: string;
  /** What is to be shown. */
  step: 'sign-in' | 'consent';
  clientId: ClientId;
  /** The registered string of the resource. */
  resource: string;
  /** As the client sent it. */
  requestedScope: string | undefined;
  redirectUri: string;
  /** What the consent page's `form-action` must allow: an origin, or `scheme:`. */
  redirectSource: string;
  /** Who is signed in in this browser. */
  person?: CurrentSession;
  /** What the client believes the person's address to be. Untrusted text. */
  loginHint?: string;
}

/**
 * Why an interaction cannot go on in this browser: it never was, ran out, is finished, or is another browser's (`not-found`); or the
 * person who is signed in now is not the one who saw the page (`session-changed`). Both are answered with 400 (ABUSE-34).
 */
export interface InteractionProblem {
  problem: 'not-found' | 'session-changed';
}

/** The pages' side of authorization requests. Each function finds the interaction by its path-bound cookie, which must name `uid`. */
export interface Interactions {
  find(ctx: Context, uid: string): Promise<PendingInteraction | InteractionProblem>;
  /** Starts the session and goes on. Answers where to send the browser (303): the same page for consent, or back to the client. */
  signIn(ctx: Context, uid: string, userId: UserId): Promise<{ location: string } | InteractionProblem>;
  /** Ends the session, so that the page asks for sign-in again. */
  signOut(ctx: Context, uid: string): Promise<{ location: string } | InteractionProblem>;
  /** Records the decision; answers where to send the browser (303), or why the page must be shown again. */
  allow(ctx: Context, uid: string, answer: AnsweredPage): Promise<Outcome<{ location: string }> | InteractionProblem>;
  /** The same for who has just proven once more who she is; somebody else sees the page anew. */
  allowAgain(
    ctx: Context,
    uid: string,
    proven: { userId: UserId; answer: AnsweredPage },
  ): Promise<Outcome<{ location: string }> | InteractionProblem>;
  /** Records that the person said no; answers where to send the browser (303). */
  deny(ctx: Context, uid: string): Promise<{ location: string } | InteractionProblem>;
}
