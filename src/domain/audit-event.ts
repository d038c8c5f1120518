/** Audit events: the closed list of what is recorded when something is decided or done. docs/audit-events.md is made of it. */
import type { ApiKeyId, ClientId, ConsentId, InstallationId, ServerId, SubjectId } from './ids.ts';

/** The columns that say whom and what an event concerns. */
export type AuditSubject = 'userId' | 'clientId' | 'serverId' | 'consentId' | 'consentVersion' | 'installationId' | 'tool' | 'apiKeyId';

/** One type of event, as it is documented. */
interface AuditEventKind {
  /** When it is written, in Markdown. */
  when: string;
  /** The subjects that no event of this type lacks; it may have more. */
  about: readonly AuditSubject[];
  /** What `detail` holds, in Markdown. */
  detail?: string;
  /** The class of the Open Cybersecurity Schema Framework that it is an event of. */
  ocsf: keyof typeof ocsfClasses;
}

/** The classes of OCSF that are used here, with their numbers. */
export const ocsfClasses = {
  'Account Change': 3001,
  Authentication: 3002,
  'Authorize Session': 3003,
  'Entity Management': 3004,
  'User Access Management': 3005,
  'API Activity': 6003,
} as const;

function kinds<Name extends string>(list: Record<Name, AuditEventKind>): Readonly<Record<Name, AuditEventKind>> {
  return list;
}

/** Every event type. */
export const auditEventTypes = kinds({
  'user.created': { when: 'an account is made', about: ['userId'], detail: '`isAdmin`', ocsf: 'Account Change' },
  'user.signed-in': { when: 'a person signs in', about: ['userId'], ocsf: 'Authentication' },
  'user.sign-in-failed': {
    when: 'a sign-in fails; `userId` where there is such an account',
    about: [],
    detail: '`reason`, which the person is not told: `unknown`, `disabled`, `no-password`, `wrong-password`',
    ocsf: 'Authentication',
  },
  'user.signed-out': {
    when: 'a person signs out; `clientId`: the client that sent her to us for it',
    about: ['userId'],
    ocsf: 'Authentication',
  },
  'user.password-changed': {
    when: 'a password is changed, on the account page or through a link',
    about: ['userId'],
    detail: '`by`: the purpose of the link, where it was one',
    ocsf: 'Account Change',
  },
  'user.disabled': {
    when: 'an administrator disables an account',
    about: ['userId'],
    detail: '`sessionsEnded`: how many',
    ocsf: 'Account Change',
  },
  'user.enabled': { when: 'an administrator enables an account again', about: ['userId'], ocsf: 'Account Change' },
  'link.issued': {
    when: 'a link is made: an invitation, a password reset, the first administrator’s',
    about: [],
    detail: '`purpose`',
    ocsf: 'Account Change',
  },
  'link.redeemed': { when: 'such a link is used', about: ['userId'], detail: '`purpose`', ocsf: 'Account Change' },
  'server.added': { when: 'a protected MCP server is registered', about: ['serverId'], ocsf: 'Entity Management' },
  'server.changed': { when: 'it gets another name', about: ['serverId'], detail: '`name`, `before`', ocsf: 'Entity Management' },
  'server.removed': {
    when: 'it is removed',
    about: ['serverId'],
    detail: '`resource`, `name`, `consents`: how many ended with it',
    ocsf: 'Entity Management',
  },
  'server.catalogue-changed': {
    when: 'reading a catalogue found a difference',
    about: ['serverId'],
    detail:
      'tools added, changed, riskier (those of the changed that wait until somebody has looked), removed: how many, and the first names',
    ocsf: 'Entity Management',
  },
  'server.tools-reported': {
    when: 'a server’s library lists tools that are not as the catalogue says',
    about: ['serverId'],
    detail:
      'tools that differ, and doubted (those of them that are riskier and wait until the issuer has read them itself): how many, and the first names',
    ocsf: 'Entity Management',
  },
  'server.tool-accepted': {
    when: 'an administrator has looked at a riskier tool for everybody',
    about: ['serverId', 'tool'],
    detail: '`digest` of the definition',
    ocsf: 'Entity Management',
  },
  'server.tool-risk-set': {
    when: 'an administrator says what a tool may do, or takes that back',
    about: ['serverId', 'tool'],
    detail: '`risk`, `openWorld`, `by` (`administrator`, `server`)',
    ocsf: 'Entity Management',
  },
  'server.credential-rotated': { when: 'a server gets a new credential', about: ['serverId'], ocsf: 'Entity Management' },
  'server.library-announced': {
    when: 'a server’s library reports for the first time, or a new version of it',
    about: ['serverId'],
    detail: '`library`, `version`',
    ocsf: 'Entity Management',
  },
  'server.reports-dropped': {
    when: 'a server says that it had no room for reports of calls: they are missing from the trail',
    about: ['serverId'],
    detail: '`count`, `since`',
    ocsf: 'Entity Management',
  },
  'tool.called': {
    when: 'an agent called a tool, which a server reports; `clientId`, `consentId` and its version, installation where a person allowed it, `apiKeyId` for a key',
    about: ['userId', 'serverId', 'tool'],
    detail:
      '`error` for failures (`tool`: a result with `isError`; `rpc:<code>`; `http:<status>`; `unanswered`; `not-run`); `durationMs`, `argumentBytes`, `resultBytes`, `argumentDigest`; `arguments` only where the server’s policy says so; `unseen`: nobody saw the answer; `begun`: what the `tool.begun` before it says there, too',
    ocsf: 'API Activity',
  },
  'tool.begun': {
    when: 'a call is about to run, at a server that lets none run without this record; its `tool.called` follows',
    about: ['userId', 'serverId', 'tool'],
    detail: '`argumentBytes`, `argumentDigest`, `arguments` as for `tool.called`; `begun`',
    ocsf: 'API Activity',
  },
  'tool.refused': {
    when: 'an agent called a tool that it may not use, or with arguments that may not be, and nothing ran; `tool` is what it asked for, whether there is such a tool or not',
    about: ['userId', 'serverId', 'tool'],
    detail:
      '`error` where permission was not what it lacked (`arguments`: not what the tool’s schema asks for; `unknown-tool`; `unchecked`: the server could not check them); `argumentBytes`, `argumentDigest`, `arguments` as for `tool.called`',
    ocsf: 'API Activity',
  },
  'client.registered': {
    when: 'a client comes to be: by registration, by an administrator, or by a metadata document that was fetched',
    about: ['clientId'],
    detail: '`name`, `redirectUris`, `authMethod`, `grants`; `initialToken`, where one was used',
    ocsf: 'Entity Management',
  },
  'client.updated': {
    when: 'its metadata changes',
    about: ['clientId'],
    detail: '`name`, `redirectUris`, `authMethod`, `grants`',
    ocsf: 'Entity Management',
  },
  'client.removed': {
    when: 'it is removed: by itself, by an administrator, or by the issuer',
    about: ['clientId'],
    detail: '`consents`: how many ended with it; by the issuer also `reason` (`never-allowed`, `unused`)',
    ocsf: 'Entity Management',
  },
  'client.secret-rotated': {
    when: 'an operator gives a client a new secret',
    about: ['clientId'],
    detail: '`previousUntil`: until when the one before works, or null',
    ocsf: 'Entity Management',
  },
  'initial-token.created': {
    when: 'an operator makes an initial access token',
    about: [],
    detail: '`initialToken` (its id), `name`, `maxUses`, `expiresAt`',
    ocsf: 'Entity Management',
  },
  'initial-token.revoked': {
    when: 'an operator revokes one',
    about: [],
    detail: '`initialToken`',
    ocsf: 'Entity Management',
  },
  'client.verified': {
    when: 'an administrator checked who a client is, which ends its quarantine',
    about: ['clientId'],
    ocsf: 'Entity Management',
  },
  'client.unverified': {
    when: 'that is taken back, or the client changed its name, redirect URIs, keys or authentication',
    about: ['clientId'],
    detail: '`reason` for the latter (`metadata-changed`)',
    ocsf: 'Entity Management',
  },
  'client.quarantined': {
    when: 'an administrator puts a client in quarantine, or it comes into one by such a change',
    about: ['clientId'],
    detail: '`until`, null: until it is verified; `reason` for such a change (`metadata-changed`)',
    ocsf: 'Entity Management',
  },
  'client.blocked': {
    when: 'an administrator blocks a client, which ends all that people allowed it',
    about: ['clientId'],
    detail: '`consents`, `installations`: how many it ends',
    ocsf: 'User Access Management',
  },
  'client.unblocked': { when: 'an administrator lets a client ask again', about: ['clientId'], ocsf: 'Entity Management' },
  'policy.changed': {
    when: 'an operator puts another policy in force',
    about: [],
    detail: '`revision`, `rules`: how many; `added`, `changed`, `removed`: how many rules, and the first names',
    ocsf: 'Entity Management',
  },
  'group.created': { when: 'an operator makes a group', about: [], detail: '`group`: its name', ocsf: 'Entity Management' },
  'group.removed': { when: 'an operator removes a group', about: [], detail: '`group`', ocsf: 'Entity Management' },
  'group.member-added': {
    when: 'an operator adds a person to a group',
    about: ['userId'],
    detail: '`group`',
    ocsf: 'User Access Management',
  },
  'group.member-removed': {
    when: 'an operator takes a person out of a group, or removes the group',
    about: ['userId'],
    detail: '`group`',
    ocsf: 'User Access Management',
  },
  'consent.given': {
    when: 'a person allows tools',
    about: ['userId', 'clientId', 'serverId', 'consentId', 'consentVersion'],
    detail: '`tools`, `resources`, `prompts`, `expiresAt`, `from` (`consent`, `account`, `widen`)',
    ocsf: 'User Access Management',
  },
  'consent.changed': {
    when: 'a person changes what she allowed; `tool` where it was until when that one tool is allowed',
    about: ['userId', 'clientId', 'serverId', 'consentId', 'consentVersion'],
    detail: 'as for `consent.given`; `toolExpiresAt` beside `tool`',
    ocsf: 'User Access Management',
  },
  'consent.denied': { when: 'a person presses Deny', about: ['userId', 'clientId', 'serverId'], ocsf: 'User Access Management' },
  'consent.paused': {
    when: 'a person pauses an agent',
    about: ['userId', 'clientId', 'serverId', 'consentId'],
    ocsf: 'User Access Management',
  },
  'consent.resumed': { when: 'she lets it go on', about: ['userId', 'clientId', 'serverId', 'consentId'], ocsf: 'User Access Management' },
  'installation.ended': {
    when: 'a person ends one of the places where she uses an agent',
    about: ['userId', 'clientId', 'serverId', 'consentId', 'consentVersion', 'installationId'],
    ocsf: 'User Access Management',
  },
  'consent.ended': {
    when: 'a consent ends: by the person, or by an administrator',
    about: ['userId', 'clientId', 'serverId', 'consentId', 'consentVersion'],
    detail: '`reason`, `installations`: how many',
    ocsf: 'User Access Management',
  },
  'token.issued': {
    when: 'an access token is made: for a client whose person allowed it, for a machine client, or for an API key',
    about: ['userId', 'serverId'],
    detail:
      '`tools`: how many; `leftOut`: those left out, each with the reason; `grant` (`client_credentials`) where no consent is behind it',
    ocsf: 'Authorize Session',
  },
  'token.refresh-reused': {
    when: 'a spent refresh token came back; the installation ended',
    about: ['userId', 'clientId', 'serverId', 'consentId', 'consentVersion', 'installationId'],
    ocsf: 'Authorize Session',
  },
  'token.code-replayed': {
    when: 'a spent authorization code came back; the installation ended',
    about: ['userId', 'clientId', 'serverId', 'consentId', 'consentVersion', 'installationId'],
    ocsf: 'Authorize Session',
  },
  'token.revoked': {
    when: 'a client or API key revoked its tokens; with a refresh token, the installation ended',
    about: ['userId', 'serverId'],
    detail: '`token` (`access`) where that goes on',
    ocsf: 'Authorize Session',
  },
  'service-account.created': {
    when: 'an operator makes a service account, by itself or with its client or API key',
    about: ['userId'],
    detail: '`name`',
    ocsf: 'Account Change',
  },
  'service-account.removed': {
    when: 'it is removed, by itself or with its client',
    about: ['userId'],
    detail: '`name`',
    ocsf: 'Account Change',
  },
  'service-account.disabled': { when: 'an operator ends all that it may do', about: ['userId'], ocsf: 'Account Change' },
  'service-account.enabled': { when: 'an operator lets it go on', about: ['userId'], ocsf: 'Account Change' },
  'service-account.tools-assigned': {
    when: 'an operator says what it may do on a server',
    about: ['userId', 'serverId'],
    detail: '`tools`, `resources`, `prompts`, as they are from now on',
    ocsf: 'User Access Management',
  },
  'api-key.created': {
    when: 'an API key is made',
    about: ['userId', 'serverId', 'apiKeyId'],
    detail: '`name`, `tools`, `resources`, `prompts`, `expiresAt`',
    ocsf: 'User Access Management',
  },
  'api-key.rotated': {
    when: 'a key is replaced',
    about: ['userId', 'serverId', 'apiKeyId'],
    detail: '`expiresAt`; `previousUntil`: until when the one before works, or null',
    ocsf: 'User Access Management',
  },
  'api-key.revoked': {
    when: 'a key ends: by an operator, or by itself',
    about: ['userId', 'serverId', 'apiKeyId'],
    detail: '`reason` (`revoked-by-admin`, `revoked-by-client`, `all-ended`)',
    ocsf: 'User Access Management',
  },
  'api-key.used': {
    when: 'a server asks about a key, or it is exchanged for a token; at most once in ten minutes for each key',
    about: ['userId', 'serverId', 'apiKeyId'],
    ocsf: 'Authorize Session',
  },
  'key.created': { when: 'a signing key is made', about: [], detail: '`kid`, `algorithm`', ocsf: 'Entity Management' },
  'key.rotated': { when: 'another key signs from now on', about: [], detail: '`kid`, `previousKid`', ocsf: 'Entity Management' },
  'key.retired': {
    when: 'a key is not published any more, and its private half is erased',
    about: [],
    detail: '`kid`, `reason` (`expired`, `withdrawn`)',
    ocsf: 'Entity Management',
  },
  'audit.month-dropped': {
    when: 'the events of a month begin to go, because their time is over; their seals stay',
    about: [],
    detail: '`month` (`2026-11`), `keptSeconds`: how long the trail is kept',
    ocsf: 'Entity Management',
  },
  'tenant.created': { when: 'a tenant is made', about: [], detail: '`slug`, `issuer`, `name`', ocsf: 'Entity Management' },
  'tenant.settings-changed': {
    when: 'an operator sets a tenant to something else',
    about: [],
    detail: '`changed`: by name of the setting, `before` and `now`',
    ocsf: 'Entity Management',
  },
});

/** One of the documented event types. */
export type AuditEventType = keyof typeof auditEventTypes;

/** What happened, as the use case knows it; the store adds id and instant. */
export interface AuditEvent {
  type: AuditEventType;
  outcome: 'success' | 'failure' | 'denied';
  actorType: 'user' | 'client' | 'server' | 'operator' | 'issuer';
  actorId?: string;
  /** Whom it concerns: a person, or the service account that a program acts as. */
  userId?: SubjectId;
  clientId?: ClientId;
  serverId?: ServerId;
  consentId?: ConsentId;
  consentVersion?: number;
  installationId?: InstallationId;
  /** The server's name for it. */
  tool?: string;
  /** The API key by which it was done. */
  apiKeyId?: ApiKeyId;
  /** Default `enforced`: the issuer saw it itself. `reported`: a server said so. */
  assurance?: 'enforced' | 'reported';
  address?: string;
  requestId?: string;
  /** W3C Trace Context: 32 hexadecimal digits. */
  traceId?: string;
  /** Facts that no column holds. Never a secret, a token, a code, or a password. */
  detail?: Readonly<Record<string, unknown>>;
}
