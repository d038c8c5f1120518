import type { SigningKeySet } from '../services/signing-keys.ts';
import type { AdapterEnvironment } from './adapter-environment.ts';
import type { EngineSettings } from './engine-contract.ts';

/** What every part of one tenant's engine works with. */
export interface EngineEnvironment extends AdapterEnvironment {
  settings: EngineSettings;
  keys: SigningKeySet;
  cookies: CookieNames;
}

/** Names of the engine's cookies; they differ per tenant, so that two tenants on one host never meet. */
export interface CookieNames {
  session: string;
  interaction: string;
  resume: string;
  /** Whether they travel over TLS only. */
  secure: boolean;
}

/** `__Host-` fixes the session to this very host; interaction cookies are bound to a path, which that prefix forbids (ABUSE-33). */
export function nameCookies({ issuer, slug }: { issuer: string; slug: string }): CookieNames {
  const secure = new URL(issuer).protocol === 'https:';
  const [host, bound] = secure ? ['__Host-', '__Secure-'] : ['', ''];
  return {
    session: `${host}toolgrant-session-${slug}`,
    interaction: `${bound}toolgrant-interaction-${slug}`,
    resume: `${bound}toolgrant-resume-${slug}`,
    secure,
  };
}
