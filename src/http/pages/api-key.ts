/** One API key of the person's own: replace it, or revoke it. */
import type { Context } from 'koa';
import { parseApiKeyId } from '../../domain/ids.ts';
import { effectSeconds } from '../../services/list-consents.ts';
import {
  type ApiKeyOverview,
  type ApiKeyReplacement,
  type ApiKeyRotation,
  findApiKeyOverview,
  madeAt,
  revokeApiKey,
  rotateApiKey,
} from '../../services/manage-api-keys.ts';
import { formFrame, frameOf, originOf, seeOther, showPage } from '../answer.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Form } from '../request-body.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import type { KeyAskContext } from '../views/contexts.ts';
import { inWords, spanInWords } from '../views/instants.ts';
import { keyName, tooManyKeys } from './api-key-entry.ts';

type Posted = { person: Person; form: Form };

/** How long a key that was replaced works beside the new one, in seconds. */
const overlapSeconds = 86_400;

/** Asks whether to replace, and where two work already, which one is in use. */
export async function showReplaceKey(ctx: Context, site: Site, person: Person): Promise<void> {
  await ask(ctx, site, { person, kind: 'replace' });
}

/** What becomes of the keys before; what is unknown ends none that need not. */
function replacementOf(pressed: string): Pick<ApiKeyReplacement, 'keeps' | 'overlapSeconds'> {
  if (pressed === 'now') return { overlapSeconds: 0 };
  return pressed === 'lost' ? { keeps: 'previous', overlapSeconds } : { overlapSeconds };
}

/** Replaces, and shows the new key this once. A second time, the page says that it was replaced, and nothing happens. */
export async function submitReplaceKey(ctx: Context, site: Site, { person, form }: Posted): Promise<void> {
  const { key, server } = await ownKey(ctx, site, person);
  const done = await rotateApiKey(site.runtime, site.tenant, {
    id: key.id,
    userId: person.userId,
    madeAt: new Date(Number(form.text('made') || Number.NaN)),
    ...replacementOf(form.text('do')),
    origin: originOf(ctx, person.userId),
  });
  if (!done.ok) return ask(ctx, site, { person, kind: 'replace', problem: words(done.problem) });
  const now = site.runtime.clock.now();
  showPage(ctx, site, {
    view: 'key-told',
    context: {
      ...frameOf(site.tenant, person.email),
      id: key.id,
      name: keyName(key),
      server: { name: server.name, resource: server.resource },
      secret: done.secret,
      until: inWords(done.key.expiresAt, now),
      replaced: done.previousUntil ? { oldUntil: inWords(done.previousUntil, now) } : {},
    },
  });
}

/** Why it was not replaced: words for the same page once more. */
function words(problem: Extract<ApiKeyRotation, { ok: false }>['problem']): string {
  switch (problem) {
    case 'replaced-meanwhile':
      return 'This key was replaced while the page was open. Nothing was changed now.';
    case 'too-many-keys':
      return tooManyKeys;
    case 'name-taken':
      return 'You have another key of this name, which works. Replace that one, or revoke it first.';
    case 'unknown-key':
    case 'revoked':
    case 'of-a-person':
      throw new HttpProblem('api-key-not-found', { message: problem });
    default:
      return problem satisfies never;
  }
}

/** Asks whether to revoke. */
export async function showRevokeKey(ctx: Context, site: Site, person: Person): Promise<void> {
  await ask(ctx, site, { person, kind: 'revoke' });
}

/** Revokes. A second time is a success: the button may have been pressed twice. */
export async function submitRevokeKey(ctx: Context, site: Site, { person }: Posted): Promise<void> {
  const id = parseApiKeyId(ctx.params['keyId'] as string);
  const { userId } = person;
  const origin = originOf(ctx, userId);
  const done = id && (await revokeApiKey(site.runtime, site.tenant, { id, userId, reason: 'revoked-by-owner', origin }));
  if (!done) throw new HttpProblem('api-key-not-found', { message: 'no key of hers' });
  seeOther(ctx, `${site.tenant.issuer}/account?done=key-revoked`);
}

async function ask(
  ctx: Context,
  site: Site,
  { person, kind, problem }: { person: Person } & Pick<KeyAskContext, 'kind' | 'problem'>,
): Promise<void> {
  const { key, server, standing } = await ownKey(ctx, site, person);
  const now = site.runtime.clock.now();
  showPage(ctx, site, {
    view: 'key-ask',
    context: {
      ...formFrame(ctx, site, person.email),
      kind,
      action: `${site.tenant.issuer}/account/keys/${encodeURIComponent(key.id)}/${kind}`,
      name: keyName(key),
      server: { name: server.name, resource: server.resource },
      effectWithin: spanInWords(effectSeconds(server, site.runtime)),
      made: String(madeAt(key).getTime()),
      ...(problem !== undefined && { problem }),
      isOver: standing === 'expired',
      ...(key.expiresAt.getTime() - now.getTime() < overlapSeconds * 1_000 && { oldUntil: inWords(key.expiresAt, now) }),
      ...(key.previousUntil &&
        key.previousUntil > now && { two: { madeOn: inWords(madeAt(key), now), oldUntil: inWords(key.previousUntil, now) } }),
    },
  });
}

async function ownKey(ctx: Context, site: Site, { userId }: Person): Promise<ApiKeyOverview> {
  const found = await findApiKeyOverview(site.runtime, site.tenant, { id: ctx.params['keyId'] as string, userId });
  if (!found || found.standing === 'revoked') throw new HttpProblem('api-key-not-found', { message: 'no key of hers' });
  return found;
}
