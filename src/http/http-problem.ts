/** What a request of a person or a program ran into, with words for both. Thrown by handlers, answered in one place. */

/** The problems that handlers know; protocol errors are the engine's own. */
export type ProblemKind =
  | 'bad-request'
  | 'form-unreadable'
  | 'interaction-not-found'
  | 'interaction-session-changed'
  | 'form-foreign'
  | 'form-privileged'
  | 'credential-invalid'
  | 'not-found'
  | 'consent-not-found'
  | 'api-key-not-found'
  | 'agent-blocked'
  | 'link-not-valid'
  | 'method-not-allowed'
  | 'body-too-large'
  | 'host-unknown'
  | 'too-many-requests'
  | 'too-many-registrations'
  | 'too-many-reports'
  | 'unavailable'
  | 'fault';

/** A problem to be answered. `message` is for the log. */
export class HttpProblem extends Error {
  readonly kind: ProblemKind;
  /** Extra response headers. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(kind: ProblemKind, options: { message?: string; headers?: Readonly<Record<string, string>>; cause?: unknown } = {}) {
    super(options.message ?? kind, { cause: options.cause });
    this.name = 'HttpProblem';
    this.kind = kind;
    this.headers = options.headers ?? {};
  }
}

/** What is said of a problem. */
export interface ProblemWords {
  status: number;
  /** For programs. */
  error: string;
  title: string;
  what: string;
  steps: readonly string[];
}

const startOver = 'Go back to your agent and connect to the server again from there.';
const askOperator = 'If it keeps happening, tell whoever runs this site, with the request number below.';

/** The words of each problem. */
export const problemWords: Readonly<Record<ProblemKind, ProblemWords>> = {
  'bad-request': {
    status: 400,
    error: 'invalid_request',
    title: 'This request cannot be read',
    what: 'Something in the address or the form is not as it should be. Nothing was changed.',
    steps: ['Go back and try again.', askOperator],
  },
  'form-unreadable': {
    status: 400,
    error: 'invalid_request',
    title: 'This form cannot be read',
    what: 'What was sent is not a form of these pages. Nothing was changed.',
    steps: ['Go back, reload the page, and send it again.', askOperator],
  },
  'interaction-not-found': {
    status: 400,
    error: 'invalid_request',
    title: 'This request is over, or belongs to another browser',
    what: 'An agent’s request can be answered only in the browser where it began, once, and within some minutes. Nothing was changed.',
    steps: [startOver, 'If you opened this address in a second browser, go back to the first one. Cookies must be allowed.'],
  },
  'interaction-session-changed': {
    status: 400,
    error: 'invalid_request',
    title: 'Somebody else signed in meanwhile',
    what: 'This request began while another person was signed in in this browser. Nothing was changed.',
    steps: [startOver],
  },
  'form-foreign': {
    status: 403,
    error: 'access_denied',
    title: 'This form did not come from here',
    what: 'Another site may have tried to act in your name, or the page was open for too long. Nothing was changed.',
    steps: ['Go back, reload the page, and send it again. Cookies must be allowed.'],
  },
  'form-privileged': {
    status: 403,
    error: 'access_denied',
    title: 'This form asks for more than it may',
    what: 'What was sent names something that this page does not let anybody choose. Nothing was changed.',
    steps: ['Go back, reload the page, and send it as it is.'],
  },
  'credential-invalid': {
    status: 401,
    error: 'invalid_client',
    title: 'The credential is not valid',
    what: 'This address is for MCP servers, with the credential that they were given.',
    steps: ['Check the server’s id and credential; “toolgrant server credential” makes a new one.'],
  },
  'not-found': {
    status: 404,
    error: 'not_found',
    title: 'There is nothing here',
    what: 'The address may be mistyped, or what was here is gone.',
    steps: ['Check the address, or begin at the start: the link at the top of this page leads there.'],
  },
  'consent-not-found': {
    status: 404,
    error: 'not_found',
    title: 'There is no such permission',
    what: 'It has ended, or it is not yours. Opening this page has changed nothing.',
    steps: ['Look under Connected agents for what is allowed now.', 'To allow it anew, let the agent connect again.'],
  },
  'api-key-not-found': {
    status: 404,
    error: 'not_found',
    title: 'There is no such API key',
    what: 'It was revoked, or it is not yours. Opening this page has changed nothing.',
    steps: ['Look under API keys, on the page of your connected agents, for those that are yours.'],
  },
  'agent-blocked': {
    status: 403,
    error: 'access_denied',
    title: 'This agent is blocked here',
    what: 'Whoever runs this site has blocked it. Nothing was allowed, and it cannot use what was allowed before.',
    steps: ['If you think that this is a mistake, ask whoever runs this site.'],
  },
  'link-not-valid': {
    status: 404,
    error: 'not_found',
    title: 'This link does not work any more',
    what: 'It was used, it has run out, or it is incomplete.',
    steps: ['Check that you copied all of it.', 'Ask whoever gave it to you for a new one.'],
  },
  'method-not-allowed': {
    status: 405,
    error: 'invalid_request',
    title: 'That cannot be done here',
    what: 'This address does not accept that kind of request.',
    steps: [],
  },
  // 400 rather than 413, so that clients of every protocol endpoint meet one kind of refusal (ABUSE-10, 30, 46).
  'body-too-large': {
    status: 400,
    error: 'invalid_request',
    title: 'That is too much at once',
    what: 'What was sent is larger than this address accepts.',
    steps: [],
  },
  'host-unknown': {
    status: 421,
    error: 'invalid_request',
    title: 'Wrong address',
    what: 'This site answers under one address only, and not under the one that was asked for.',
    steps: ['Follow the link at the top of this page: it leads to the right address.'],
  },
  'too-many-requests': {
    status: 429,
    error: 'temporarily_unavailable',
    title: 'Too many tries',
    what: 'To keep passwords from being guessed, further tries wait for a while.',
    steps: ['Wait some minutes, then try again.', 'If it was not you who tried, change your password once you are in.'],
  },
  'too-many-registrations': {
    status: 429,
    error: 'temporarily_unavailable',
    title: 'Too many new agents',
    what: 'Too many clients registered from this address. Further ones wait for a while.',
    steps: ['Wait as long as the answer says, then let your agent connect again.'],
  },
  'too-many-reports': {
    status: 429,
    error: 'temporarily_unavailable',
    title: 'Too many reports',
    what: 'This server reports more calls than it may. What it sent now was not kept.',
    steps: ['Wait as long as the answer says, then send it again.'],
  },
  unavailable: {
    status: 503,
    error: 'temporarily_unavailable',
    title: 'Not available just now',
    what: 'A part of this site does not answer. Nothing was changed.',
    steps: ['Try again in a moment.', askOperator],
  },
  fault: {
    status: 500,
    error: 'server_error',
    title: 'Something broke on our side',
    what: 'It is not your fault.',
    steps: ['Try again in a moment.', askOperator],
  },
};
