import type { ResourceUriProblem } from './resource-uri.ts';

/** What is wrong with a resource URI and what to write instead, as a clause that follows it. */
export function resourceUriWords(problem: ResourceUriProblem): string {
  switch (problem) {
    case 'not-absolute':
      return 'is no whole URL: write it as clients type it, https://mcp.example.com/mcp';
    case 'not-http':
      return 'is no http URL: write it as clients type it, https://mcp.example.com/mcp';
    case 'has-fragment':
      return 'has a fragment (#…), which no client sends: leave it out';
    case 'has-userinfo':
      return 'holds a user name or password: leave them out';
    case 'plain-http':
      return 'is plain http, which is accepted on this machine only: serve it by https';
    case 'too-long':
      return 'is longer than 2048 characters';
    default:
      return problem satisfies never;
  }
}
