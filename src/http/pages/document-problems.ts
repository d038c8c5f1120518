/** The words for clients whose metadata document cannot be gone by: for the person who is stuck, and for whoever makes the agent. */
import type { DocumentClientProblem } from '../../services/admit-document-client.ts';
import type { DocumentProblem } from '../../services/obtain-document.ts';
import { problemWords } from '../http-problem.ts';
import { readableText } from '../views/untrusted-text.ts';
import type { RequestProblemWords } from './request-problems.ts';

const again = 'Wait a minute, then connect to the server again from your agent.';
const update = 'Update your agent, then connect to the server again.';
const tellDeveloper = 'If that does not help, tell whoever makes the agent what stands below.';
const onlyDeveloper = 'Tell whoever makes the agent what stands below: only they can put it right.';
const askOperator = 'Ask whoever runs this site: the agent can be added by hand.';

/** What happened and what to do. `clientId` is the URL, as it was sent. */
export function wordsOfDocumentProblem(problem: DocumentClientProblem, clientId: string): RequestProblemWords {
  const host = readableText(URL.canParse(clientId) ? new URL(clientId).host : clientId, 100);
  switch (problem.kind) {
    case 'not-accepted':
      return problem.about === 'host'
        ? {
            title: `Agents from ${host} are not accepted here`,
            what: 'Whoever runs this site has chosen whose agents may ask you.',
            steps: [askOperator],
          }
        : {
            title: 'This agent cannot introduce itself here',
            what: 'It names an address on the web that describes it, and this site does not accept that. Nothing was allowed.',
            steps: [update, askOperator],
          };
    case 'url':
      return {
        title: 'The agent gives no proper address of itself',
        what: 'It says that it is described at an address on the web, and what it names can be no such address. Nothing was fetched, and nothing was allowed.',
        steps: [update, tellDeveloper],
        developer: {
          parameter: 'client_id',
          rule: sentence(problem.reason),
          fix: 'Publish the metadata document at such a URL, and send exactly that URL.',
        },
      };
    case 'too-many':
      return problemWords['too-many-registrations'];
    case 'being-removed':
      return {
        title: 'This agent is just being removed here',
        what: 'Whoever runs this site is removing it, with everything that was allowed to it. Nothing was allowed now.',
        steps: [again],
      };
    case 'document':
      return {
        title: isPassing(problem.problem) ? 'This agent’s description cannot be had now' : 'This agent’s description cannot be used',
        what: `To know who is asking, this site asked ${host} for the description that the agent names, and ${outcomeOf(problem.problem)}. Nothing was allowed.`,
        steps: isPassing(problem.problem) ? [again, tellDeveloper] : [onlyDeveloper, update],
        developer: {
          parameter: 'client_id',
          rule: 'A GET of the client id gives, within 5 seconds and without a redirect, the status 200 and at most 5 KB of application/json, in which client_id is that very URL and client_name and redirect_uris are there.',
          fix: fixOf(problem.problem),
        },
      };
  }
}

/** Whether waiting may help. */
function isPassing({ reason }: DocumentProblem): boolean {
  return reason === 'no-answer' || reason === 'status' || reason === 'busy';
}

/** What whoever publishes it can do. */
function fixOf({ reason, detail }: DocumentProblem): string {
  switch (reason) {
    case 'no-public-address':
      return 'Publish it at a host with public addresses only, IPv4 and IPv6.';
    case 'no-answer':
      return 'Look whether the host answers to https from other networks.';
    case 'status':
      return `Answer 200 to everybody, servers in data centres included: ${detail}.`;
    case 'redirect':
      return 'Publish it at the URL itself, or use the URL that it leads to as the client id.';
    case 'too-large':
    case 'not-json':
    case 'unfit':
      return `Correct the document: ${readableText(detail, 300)}.`;
    case 'gone':
      return 'Publish it again.';
    case 'busy':
      return 'Wait a minute.';
  }
}

/** Says nothing about addresses that were looked up: they could be of a network that is not the reader's. */
function outcomeOf({ reason, detail }: DocumentProblem): string {
  switch (reason) {
    case 'no-public-address':
      return 'found no address of it that is in public use';
    case 'no-answer':
      return 'got no answer in time';
    case 'status':
      return `was refused: ${detail}`;
    case 'redirect':
      return 'was sent elsewhere, which it does not follow';
    case 'too-large':
    case 'not-json':
    case 'unfit':
      return 'got something that is no proper description of an agent';
    case 'gone':
      return 'has been told for a week that there is none';
    case 'busy':
      return 'has too many of them to fetch just now';
  }
}

function sentence(clause: string): string {
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
}
