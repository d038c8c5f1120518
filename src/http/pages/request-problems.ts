/** The words for requests that agents make wrongly: for the person who is stuck, and for whoever makes the agent. */
import type { RequestProblem } from '../../oidc/engine-contract.ts';
import { problemWords } from '../http-problem.ts';

/** What is said of one kind of problem. */
export interface RequestProblemWords {
  title: string;
  what: string;
  /** For the person, most helpful first. */
  steps: readonly string[];
  /** For whoever makes the agent; absent where nothing is wrong with it. */
  developer?: { parameter: string; rule: string; fix: string };
}

const addAgain = 'Remove the MCP server in your agent (your MCP client) and add it again: it then introduces itself anew.';
const update = 'Update your agent, then connect to the server again.';
const tellDeveloper = 'If that does not help, tell whoever makes the agent what stands below.';
const startOver = 'Go back to your agent and connect to the server again from there.';

const notUnderstood = {
  title: 'The agent’s request cannot be understood',
  what: 'It asks for something that this site does not do, or asks in a way that it does not accept. Nothing was allowed.',
  steps: [update, addAgain, tellDeveloper],
};

/** The words of each kind; `parameter` fills in where the kind does not name one. */
export function wordsOfRequestProblem({ kind, parameter = 'the request' }: RequestProblem): RequestProblemWords {
  switch (kind) {
    case 'client-unknown':
      return {
        // Blocked clients come here as well, until their person has signed in: every word must be true of them, and confirm nothing.
        title: 'This agent’s id is not accepted here',
        what: 'An agent sent you here with an id that this site does not accept. It may have been removed, it may belong to another site, or whoever runs this site does not let it in.',
        steps: [
          'If the agent worked here before, ask whoever runs this site what became of it, or sign in on your account page and connect again: you are told more then.',
          'If it is new here, or was not used for long, remove the MCP server in your agent (your MCP client) and add it again: it then introduces itself anew.',
          tellDeveloper,
        ],
        developer: {
          parameter: 'client_id',
          rule: 'It must be the id of a client that this issuer accepts. Clients that nobody allows anything are removed after a while.',
          fix: 'Forget the stored client id and introduce the client again, then ask once more.',
        },
      };
    case 'client-blocked': {
      const { title, what, steps } = problemWords['agent-blocked'];
      return { title, what, steps };
    }
    case 'client-missing':
      return {
        title: 'Nobody says who is asking',
        what: 'An agent sent you here without saying which one it is.',
        steps: [addAgain, tellDeveloper],
        developer: {
          parameter: 'client_id',
          rule: 'Every authorization request names its client, once.',
          fix: 'Send the client_id that registration gave you.',
        },
      };
    case 'redirect-uri-unknown':
      return {
        title: 'The agent gave a return address that is not its own',
        what: 'It wants your answer at an address that it did not name when it introduced itself. So that your answer does not go astray, nothing was sent there.',
        steps: [addAgain, tellDeveloper],
        developer: {
          parameter: 'redirect_uri',
          rule: 'It must be one of the client’s redirect_uris to the character. Only the port of http://localhost, http://127.0.0.1 and http://[::1] may differ, and these three are different hosts.',
          fix: 'Send a registered redirect URI, or register this one: each change needs a new registration or an update of it.',
        },
      };
    case 'redirect-uri-missing':
      return {
        title: 'The agent does not say where your answer goes',
        what: 'An agent sent you here without an address for your answer. Nothing was sent anywhere.',
        steps: [update, tellDeveloper],
        developer: {
          parameter: 'redirect_uri',
          rule: 'It is required, also for clients that have registered a single one.',
          fix: 'Send one of the client’s redirect_uris.',
        },
      };
    case 'missing':
      return {
        ...notUnderstood,
        developer: { parameter, rule: 'It is required.', fix: 'Send it: an authorization code request has response_type=code.' },
      };
    case 'twice':
      return {
        ...notUnderstood,
        developer: {
          parameter,
          rule: 'A parameter comes at most once (RFC 6749 §3.1).',
          fix: 'Set the parameter instead of appending it.',
        },
      };
    case 'response-type':
      return {
        ...notUnderstood,
        developer: {
          parameter: 'response_type',
          rule: 'It must be “code”. There is no implicit and no hybrid flow.',
          fix: 'Use the authorization code flow with PKCE.',
        },
      };
    case 'response-mode':
      return {
        ...notUnderstood,
        developer: { parameter: 'response_mode', rule: 'It must be “query”, or absent.', fix: 'Leave it out.' },
      };
    case 'request-object':
      return {
        ...notUnderstood,
        developer: {
          parameter: 'request, request_uri, registration',
          rule: 'Request objects are not read, and nothing is fetched for an authorization request.',
          fix: 'Send the parameters themselves.',
        },
      };
    case 'pkce':
      return {
        ...notUnderstood,
        developer: {
          parameter: 'code_challenge, code_challenge_method',
          rule: 'Every client uses PKCE with S256: code_challenge is the base64url SHA-256 of the verifier (43 characters), code_challenge_method is “S256”.',
          fix: 'Send both; “plain” and a missing method are refused.',
        },
      };
    case 'prompt':
      return {
        ...notUnderstood,
        developer: {
          parameter: 'prompt',
          rule: 'It is “login”, “consent”, both, or “none” by itself.',
          fix: 'Leave it out: whoever has to be asked is asked.',
        },
      };
    case 'scope':
      return {
        ...notUnderstood,
        developer: {
          parameter: 'scope',
          rule: 'Names of printable ASCII, separated by spaces. Unknown names are ignored.',
          fix: 'Ask for “tools”, or leave it out.',
        },
      };
    case 'resource':
      return {
        title: 'The agent asks for a server that is not connected here',
        what: 'It does not say which MCP server it wants to use, or names one that this address does not look after. Nothing was allowed.',
        steps: [
          'Check the MCP server’s address in your agent, then connect again.',
          'If the address is right, tell whoever runs this site: “toolgrant server add” connects it.',
        ],
        developer: {
          parameter: 'resource',
          rule: 'One absolute URI without fragment: the “resource” of the MCP server’s protected resource metadata (RFC 8707, RFC 9728).',
          fix: 'Take it from the metadata as it stands there.',
        },
      };
    case 'identity-parameter':
      return {
        ...notUnderstood,
        developer: {
          parameter: 'max_age, id_token_hint, claims',
          rule: 'With the scope “openid” they must have the form that OpenID Connect gives them.',
          fix: 'Correct the value, or leave the parameter out.',
        },
      };
    case 'character':
      return {
        ...notUnderstood,
        developer: { parameter: 'the request', rule: 'No parameter may contain NUL (%00).', fix: 'Remove the character.' },
      };
    case 'person-needed':
      return {
        title: 'The agent did not want to ask you',
        what: 'It asked for access without showing you a page, and that cannot be: you have to sign in or to decide first. Nothing was allowed.',
        steps: [startOver, update],
        developer: {
          parameter: 'prompt',
          rule: 'prompt=none succeeds only where somebody is signed in and what is asked for stands, for a client that an administrator made or checked.',
          fix: 'Send the request without prompt=none.',
        },
      };
    case 'denied':
      return {
        title: 'Access was denied',
        what: 'Nothing was allowed.',
        steps: ['Close this page, or go back to your agent to try again.'],
      };
    case 'session':
      return {
        title: 'This request is over, or belongs to another browser',
        what: 'An agent’s request can be answered only in the browser where it began, once, and within some minutes. Nothing was changed.',
        steps: [startOver, 'If you opened this address in a second browser, go back to the first one. Cookies must be allowed.'],
      };
    case 'other':
      return notUnderstood;
    default:
      return kind satisfies never;
  }
}
