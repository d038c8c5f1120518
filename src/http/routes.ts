/**
 * The route table: everything that this room answers, and the protocol endpoints of the engine beside it. Tests are generated
 * from it, so a route that stands here is tested for what its kind requires.
 */
import { paths } from '../oidc/routes.ts';
import { type Asset, serveAsset } from './documents/assets.ts';
import { serveAuditKeys } from './documents/audit-keys.ts';
import { serveHello } from './documents/hello.ts';
import { serveReports } from './documents/reports.ts';
import { serveSelection } from './documents/selection.ts';
import { serveStatusList } from './documents/status-list.ts';
import { serveTools } from './documents/tools.ts';
import { showAccount } from './pages/account.ts';
import { showActivity } from './pages/activity.ts';
import { showReplaceKey, showRevokeKey, submitReplaceKey, submitRevokeKey } from './pages/api-key.ts';
import { serveReceipt, showChange, showRevoke, submitChange, submitRevoke } from './pages/connection.ts';
import { submitPause, submitPlaceEnd, submitResume, submitUnused } from './pages/connection-actions.ts';
import { showPlaces } from './pages/connection-places.ts';
import { showTools } from './pages/connection-tools.ts';
import { choiceBodyBytes } from './pages/draft.ts';
import { answerInteraction, showInteraction } from './pages/interaction.ts';
import { showLink, submitLink } from './pages/link.ts';
import { showNewKey, submitNewKey } from './pages/new-api-key.ts';
import { showPassword, submitPassword } from './pages/password.ts';
import { submitSignIn } from './pages/sign-in.ts';
import { showSignOut, submitSignOut } from './pages/sign-out.ts';
import { showStart } from './pages/start.ts';
import { showToolTime, submitToolTime } from './pages/tool-time.ts';
import { showWiden, submitWiden } from './pages/widen.ts';
import { document, openForm, openPage, personForm, personPage, type Route, sharedDocument } from './route.ts';

/** What this room answers, below the issuer. */
export function createRoutes(assets: ReadonlyMap<string, Asset>): readonly Route[] {
  return [
    openPage({ name: 'start', path: '/' }, showStart),
    openPage({ name: 'interaction', path: '/interaction/:uid', access: 'interaction' }, showInteraction),
    openForm(
      { name: 'interaction-answer', path: '/interaction/:uid', access: 'interaction', maxBytes: choiceBodyBytes },
      answerInteraction,
    ),
    openForm({ name: 'sign-in', path: '/sign-in' }, submitSignIn),
    openPage({ name: 'link', path: '/link/:token' }, showLink),
    openForm({ name: 'link-use', path: '/link/:token' }, submitLink),

    personPage({ name: 'account', path: '/account' }, showAccount),
    personPage({ name: 'activity', path: '/account/activity' }, showActivity),
    personPage({ name: 'consent-change', path: '/account/consents/:consentId' }, showChange),
    personForm({ name: 'consent-change-save', path: '/account/consents/:consentId', maxBytes: choiceBodyBytes }, submitChange),
    personPage({ name: 'consent-receipt', path: '/account/consents/:consentId/receipt' }, serveReceipt),
    personPage({ name: 'consent-revoke', path: '/account/consents/:consentId/revoke' }, showRevoke),
    personPage({ name: 'consent-tool-time', path: '/account/consents/:consentId/time' }, showToolTime),
    personForm({ name: 'consent-tool-time-save', path: '/account/consents/:consentId/time' }, submitToolTime),
    personForm({ name: 'consent-pause', path: '/account/consents/:consentId/pause' }, submitPause),
    personForm({ name: 'consent-resume', path: '/account/consents/:consentId/resume' }, submitResume),
    personForm({ name: 'consent-unused', path: '/account/consents/:consentId/unused', maxBytes: choiceBodyBytes }, submitUnused),
    personPage({ name: 'consent-tools', path: '/account/consents/:consentId/tools' }, showTools),
    personPage({ name: 'consent-places', path: '/account/consents/:consentId/places' }, showPlaces),
    personForm({ name: 'consent-place-end', path: '/account/consents/:consentId/places/:installationId/end' }, submitPlaceEnd),
    personForm({ name: 'consent-revoke-do', path: '/account/consents/:consentId/revoke' }, submitRevoke),
    personPage({ name: 'api-key-new', path: '/account/keys/new' }, showNewKey),
    personForm({ name: 'api-key-make', path: '/account/keys/new', maxBytes: choiceBodyBytes }, submitNewKey),
    personPage({ name: 'api-key-replace', path: '/account/keys/:keyId/replace' }, showReplaceKey),
    personForm({ name: 'api-key-replace-do', path: '/account/keys/:keyId/replace' }, submitReplaceKey),
    personPage({ name: 'api-key-revoke', path: '/account/keys/:keyId/revoke' }, showRevokeKey),
    personForm({ name: 'api-key-revoke-do', path: '/account/keys/:keyId/revoke' }, submitRevokeKey),
    personPage({ name: 'password', path: '/account/password' }, showPassword),
    personForm({ name: 'password-change', path: '/account/password' }, submitPassword),
    personPage({ name: 'sign-out', path: '/account/sign-out' }, showSignOut),
    personForm({ name: 'sign-out-do', path: '/account/sign-out' }, submitSignOut),
    personPage({ name: 'widen', path: '/widen' }, showWiden),
    personForm({ name: 'widen-save', path: '/widen', maxBytes: choiceBodyBytes }, submitWiden),

    ...sharedDocument({ name: 'status-list', path: '/status/:list' }, serveStatusList),
    ...sharedDocument({ name: 'selection', path: '/selections/:sha256' }, serveSelection),
    ...sharedDocument({ name: 'audit-keys', path: '/audit/keys' }, serveAuditKeys),
    document({ name: 'server-hello', method: 'POST', path: '/servers/hello', access: 'server' }, serveHello),
    document({ name: 'server-tools', method: 'POST', path: '/servers/tools', access: 'server' }, serveTools),
    document({ name: 'server-reports', method: 'POST', path: '/servers/reports', access: 'server' }, serveReports),
    document({ name: 'asset', method: 'GET', path: '/assets/:name', access: 'anyone' }, (ctx) => serveAsset(ctx, { assets })),
  ];
}

const protocolNames: ReadonlyMap<string, string> = new Map(Object.entries(paths).map(([name, path]) => [path, `protocol-${name}`]));

/** Endpoints that carry an id in their path. */
const protocolPrefixes: readonly [string, string][] = [
  [`${paths.authorize}/`, 'protocol-resume'],
  [`${paths.register}/`, 'protocol-management'],
];

/** The name of an engine's endpoint by its path below the issuer, for logs. */
export function protocolRouteName(path: string): string | undefined {
  return protocolNames.get(path) ?? protocolPrefixes.find(([prefix]) => path.startsWith(prefix))?.[1];
}
