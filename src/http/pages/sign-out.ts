/** Signing out of the issuer. Asked once, because any page may link here. */
import type { Context } from 'koa';
import { paths } from '../../oidc/routes.ts';
import { frameOf, seeOther, showPage } from '../answer.ts';
import { formToken, formTokenField } from '../form-guard.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';

/** Asks. */
export async function showSignOut(ctx: Context, site: Site, person: Person): Promise<void> {
  const fields = [{ name: formTokenField, value: formToken(ctx, site) }];
  showPage(ctx, site, {
    view: 'sign-out',
    context: { ...frameOf(site.tenant, person.email), action: `${site.tenant.issuer}/account/sign-out`, fields },
  });
}

/** Signs this browser out. */
export async function submitSignOut(ctx: Context, site: Site): Promise<void> {
  await site.engine.sessions.end(ctx);
  seeOther(ctx, `${site.tenant.issuer}${paths.signedOut}`);
}
