import type { UnreadableTool } from '../domain/read-tools.ts';
import type { ServerProblem } from '../services/add-server.ts';
import type { CatalogueChange } from '../services/apply-catalogue.ts';
import type { CatalogueProblem } from '../services/read-catalogue.ts';
import { plainText } from './plain-text.ts';
import { resourceProblemWords } from './words.ts';

/** Why a server was not added, and the next step. */
export function serverProblemWords(problem: ServerProblem, resource: string): string {
  switch (problem.kind) {
    case 'resource':
      return `${resource} ${resourceProblemWords(problem.problem)}`;
    case 'bad-name':
      return 'A server needs a name of at most 100 visible characters: people read it when they decide.';
    case 'bad-header':
      return `The header ${plainText(problem.header)} cannot be sent. Write it as 'Name: value'.`;
    case 'resource-taken':
      return `${resource} is registered already, as ${problem.serverId}. To read its tools again: toolgrant server sync ${problem.serverId}`;
    case 'being-removed':
      return `The server at ${resource} is just being removed, with all that people allowed for it. Try again in a moment, or bring that to its end: toolgrant server remove ${resource}`;
    case 'catalogue':
      return `${catalogueProblemWords(problem.problem)}\nNothing was added. To add it all the same, and read its tools later: --no-sync`;
  }
}

/** Why a catalogue could not be read, and the next step. */
export function catalogueProblemWords({ reason, detail }: CatalogueProblem): string {
  const why = plainText(detail);
  switch (reason) {
    case 'unreachable':
      return `The server's tools cannot be read: ${why}. Start the server, or correct the URL.`;
    case 'not-allowed':
      return `The server's tools cannot be read: ${why}. Only an issuer on this machine asks servers on this machine.`;
    case 'unauthorized':
      return (
        `The server refuses to show its tools: ${why}. If it checks tokens of this issuer, see that the issuer runs and that its ` +
        "resource URL is exactly this one; otherwise give it what it wants with --header 'Authorization: …'."
      );
    case 'not-mcp':
      return /\b503\b/.test(why)
        ? `The server cannot answer now: ${why}. If it checks tokens of this issuer, start the issuer first; then try again.`
        : `The server does not answer as an MCP server: ${why}. Give the URL that clients connect to, often one that ends in /mcp.`;
    case 'too-large':
      return `The server's list of tools is too large: ${why}.`;
  }
}

/** What reading a catalogue changed, one line each. */
export function changeWords({ tools, added, changed, riskier, removed, leftOut }: CatalogueChange): string[] {
  const some = (names: readonly string[], what: string) => (names.length > 0 ? [`${what}: ${names.map(plainText).join(', ')}`] : []);
  return [
    `${tools} ${tools === 1 ? 'tool' : 'tools'}.`,
    ...(added.length < tools ? some(added, 'New') : []),
    ...some(
      changed.filter((name) => !riskier.includes(name)),
      'Changed',
    ),
    ...some(riskier, 'Riskier, so that whoever allowed them looks again'),
    ...some(removed, 'Gone'),
    ...leftOut.map(({ name, reason }) => `Warning: ${plainText(name)} is left out, because ${leftOutWords(reason)}.`),
  ];
}

function leftOutWords(reason: UnreadableTool): string {
  switch (reason) {
    case 'no-tool':
      return 'it has no name or no input schema';
    case 'bad-name':
      return 'its name cannot be written in a scope';
    case 'bad-text':
      return 'a text in it is damaged';
    case 'too-large':
      return 'it is too large';
    case 'too-deep':
      return 'it is nested too deeply';
    case 'ambiguous':
      return 'the server lists two different tools of this name';
  }
}
