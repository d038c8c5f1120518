import { identityScopesOf, toEngineScope } from '../../oidc/scopes.ts';

/** What an agent learns of the person besides what tools tell it: the OIDC scopes of its request, in words. */
export function learnedThrough(requestedScope: string | undefined): string[] {
  const scopes = identityScopesOf(toEngineScope(requestedScope ?? ''));
  return scopes.flatMap((scope) => words[scope] ?? []);
}

const words: Readonly<Record<string, string>> = {
  openid: 'that it is you who signed in',
  profile: 'your name',
  email: 'your email address',
};
