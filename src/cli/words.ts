import type { ResourceUriProblem } from '../domain/resource-uri.ts';
import type { UserProblem } from '../services/create-user.ts';

/** Why an account was not made, and the next step. */
export function userProblemWords(problem: UserProblem, email: string): string {
  switch (problem) {
    case 'bad-email':
      return `${email} is no email address. Write it as name@example.com.`;
    case 'email-taken':
      return `${email} has an account already. "toolgrant user list" shows it.`;
    case 'too-short':
      return 'The password is too short: take at least 15 characters, four or five words for example.';
    case 'too-long':
      return 'The password is too long: take at most 1024 bytes.';
    case 'common':
      return 'The password is among the first that are tried. Take four or five words that have nothing to do with each other.';
    case 'about-the-account':
      return 'The password is made of the email address or of the name of this service. Take words that have nothing to do with either.';
  }
}

/** Why a URL cannot name a server, as a clause with the fix. */
export function resourceProblemWords(problem: ResourceUriProblem): string {
  switch (problem) {
    case 'not-absolute':
      return 'is no whole URL. Write it as clients type it: https://mcp.example.com/mcp';
    case 'not-http':
      return 'is no http URL. Write it as clients type it: https://mcp.example.com/mcp';
    case 'has-fragment':
      return 'has a fragment (#…), which no client sends. Leave it out.';
    case 'has-userinfo':
      return 'holds a user name or password. Leave them out, and give headers with --header.';
    case 'plain-http':
      return 'is plain http, which is accepted on this machine only. Serve it by https.';
    case 'too-long':
      return 'is longer than 2048 characters.';
  }
}
