/** What the contexts of several pages have in common. */

/** What every page knows. */
export interface PageFrame {
  /** The issuer's URL without a trailing slash; links and form targets begin with it. */
  issuer: string;
  /** The issuer as people recognise it: host and, where it has one, path. */
  issuerHost: string;
  /** Who is signed in, where somebody is. */
  signedInAs?: string;
}

/** Who asks. */
export interface AgentContext {
  name: string;
  /** Who stands for the name, in words that follow it; absent: nobody does. */
  voucher?: string;
  clientId: string;
}
