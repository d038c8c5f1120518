/** A person changes her own password. */
import type { Context } from 'koa';
import { minPasswordCharacters } from '../../domain/password-rules.ts';
import { changePassword } from '../../services/change-password.ts';
import { formFrame, originOf, seeOther, showPage } from '../answer.ts';
import type { Form } from '../request-body.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { passwordWords } from './password-words.ts';
import { admitAttempt } from './sign-in.ts';

/** Shows the form. */
export async function showPassword(ctx: Context, site: Site, person: Person): Promise<void> {
  showForm(ctx, site, { person });
}

function showForm(ctx: Context, site: Site, { person, problem }: { person: Person; problem?: string }): void {
  showPage(ctx, site, {
    view: 'password',
    context: {
      ...formFrame(ctx, site, person.email),
      action: `${site.tenant.issuer}/account/password`,
      email: person.email,
      minimumCharacters: minPasswordCharacters,
      ...(problem !== undefined && { problem }),
    },
  });
}

/** Takes it. Tries at the current password count like tries at signing in: a stolen session must not become a way to guess it. */
export async function submitPassword(ctx: Context, site: Site, { person, form }: { person: Person; form: Form }): Promise<void> {
  const attempt = await admitAttempt(ctx, site, person.email);
  const changed = await changePassword(site.runtime, site.tenant, {
    userId: person.userId,
    currentPassword: form.text('current'),
    newPassword: form.text('password'),
    keepSessionUid: person.sessionUid,
    origin: originOf(ctx, person.userId),
  });
  if (!changed.ok) {
    if (changed.problem !== 'wrong-password') await site.limits.forgiveSignIn(site.tenant, attempt);
    return showForm(ctx, site, {
      person,
      problem: changed.problem === 'wrong-password' ? 'The current password is wrong.' : passwordWords[changed.problem],
    });
  }
  await site.limits.forgiveSignIn(site.tenant, attempt);
  await site.engine.sessions.start(ctx, person.userId);
  seeOther(ctx, `${site.tenant.issuer}/account?done=password`);
}
