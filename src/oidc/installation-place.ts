import type { Context } from 'koa';
import { browserWords } from '../domain/browser-words.ts';
import type { InstallationPlace } from '../services/record-consent.ts';
import type { EngineEnvironment } from './engine-environment.ts';

/** Where the person stands who connects a client now. */
export function placeOf({ settings }: Pick<EngineEnvironment, 'settings'>, ctx: Context): InstallationPlace {
  const browser = browserWords(ctx.get('user-agent'));
  const { address } = settings.describeCaller(ctx);
  return { ...(browser !== undefined && { browser }), ...(address !== undefined && { address }) };
}
