/** Paths below the tenant's issuer, by their exact spelling. */
export const paths = {
  authorize: '/authorize',
  token: '/token',
  register: '/register',
  introspect: '/introspect',
  revoke: '/revoke',
  jwks: '/jwks',
  signOut: '/logout',
  signOutConfirm: '/logout/confirm',
  signedOut: '/logout/success',
  oauthMetadata: '/.well-known/oauth-authorization-server',
  openidMetadata: '/.well-known/openid-configuration',
  /** Served by the pages, not by this room. */
  interaction: '/interaction',
} as const;
