import { maxRedirectUriCharacters, type RedirectUriProblem } from './redirect-uri.ts';

/** What is wrong with a redirect URI and what to do about it, as a clause that follows its name. The URI itself is not repeated: it is a stranger's. */
export function redirectUriWords(problem: RedirectUriProblem): string {
  switch (problem) {
    case 'too-long':
      return `is longer than ${maxRedirectUriCharacters} characters: shorten it`;
    case 'odd-character':
      return 'has a character that no URI may have: percent-encode it';
    case 'not-absolute':
      return 'is no absolute URI: write it whole, with its scheme';
    case 'has-fragment':
      return 'has a fragment (#…): leave it out';
    case 'has-userinfo':
      return 'has a user name or password (…@): leave them out';
    case 'has-wildcard':
      return 'has a wildcard (*) in its host: register each host that is used';
    case 'plain-http':
      return 'is plain http: use https, or http on localhost, 127.0.0.1 or [::1]';
    case 'scheme-not-allowed':
      return 'has a scheme that is not allowed: use https, http on loopback, or a scheme that is a reversed domain (com.example.app:)';
    case 'odd-host':
      return 'has a host in an unusual spelling: write the plain host name, and localhost, 127.0.0.1 or [::1] for this machine';
  }
}
