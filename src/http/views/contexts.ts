/** What each page is made of. Texts here are ready to be read; escaping for HTML is done by the templates. */
import type { Risk } from '../../domain/risk.ts';
import type { ActivityContext, DayOfDeedsContext } from './activity-contexts.ts';
import type { ConnectionContext, PlacesContext, ToolsContext } from './connection-contexts.ts';
import type { AgentContext, PageFrame } from './frame-contexts.ts';
import type { AmountContext, DifferenceContext } from './part-contexts.ts';
import type { ToolTexts } from './tool-texts.ts';
import type { ToolTimeContext } from './tool-times.ts';

/** Proves that a form came from a page of ours; goes into each form. */
interface FormPage extends PageFrame {
  formToken: string;
}

/** The start page. */
export type StartContext = PageFrame;

/** Sign in. */
export interface LoginContext extends FormPage {
  action: string;
  /** The page to come back to; absent where `action` knows. */
  returnTo?: string;
  email?: string;
  problem?: string;
  /** What the person signs in for. */
  purpose:
    | { kind: 'account' }
    | { kind: 'widen' }
    | { kind: 'agent'; agent: string; server?: string }
    /** Who is signed in proves it once more. `within` is a span, `for` what it is needed for. */
    | { kind: 'again'; within: string; for: readonly string[] };
  /** What goes along hidden: the answer that the sign-in is for. */
  carried?: readonly (readonly [name: string, value: string])[];
}

/** `asked`: named by this request and not allowed so far; `other`: not allowed so far, and not what this request is about. */
export type ToolMark = 'asked' | 'other' | 'kept' | 'changed';

/** One tool with its checkbox. */
export interface ToolContext extends ToolTexts {
  /** As the form sends it. */
  value: string;
  /** Unique on the page; ids of elements are made of it. */
  key: string;
  openWorld: boolean;
  ticked: boolean;
  /** How it relates to what the person allowed before, where there is anything. */
  mark?: ToolMark;
  /** Of a changed one, where it is known what it was. */
  difference?: DifferenceContext;
  /** Cannot be ticked, because the agent is in quarantine, or because it got riskier and policy does not allow it any more. */
  isHeld: boolean;
  /** Was allowed, and cannot be used now, for the same reasons. */
  waits: boolean;
  /** Policy does not allow it. */
  isDisallowed: boolean;
  /** For how long at most, and whether it takes a sign-in. */
  limits: readonly string[];
}

/** The tools of one risk. */
export interface ToolGroupContext {
  risk: Risk;
  title: string;
  meaning: string;
  tools: readonly ToolContext[];
  /** How many tools there are, those that a search hides included. */
  count: number;
  tickedCount: number;
  openWorldCount: number;
  /** None of its tools can be ticked or unticked. */
  isHeld: boolean;
  isOpen: boolean;
}

/** Resources, or prompts. */
interface ExtraContext {
  ticked: boolean;
  isNew: boolean;
  waits: boolean;
  limits: readonly string[];
}

/** The part of a page on which tools are chosen; consent, widen and change share it. */
export interface ChoiceContext {
  groups: readonly ToolGroupContext[];
  amount: AmountContext;
  /** Offers to begin with nothing ticked: only where nothing stands. */
  canPick: boolean;
  /** Offers one hour with one press. */
  canShorten: boolean;
  /** The person has paused what stands: deciding about it ends the pause. */
  isPaused: boolean;
  toolCount: number;
  tickedCount: number;
  /** Where tools are many. `found` counts what the search shows. */
  search?: { query: string; found: number };
  /** Ticked, but hidden by the search; each keeps its tick. */
  hiddenTicked: readonly { value: string; risk: Risk; openWorld: boolean }[];
  resources?: ExtraContext;
  prompts?: ExtraContext;
  /** What is asked for and not offered, because the organisation does not allow it. */
  withheld: readonly string[];
  /** Whether anything can be allowed at all. */
  canAllow: boolean;
  /** Whether it is an API key that the choice is for; else an agent. */
  isForKey?: true;
  durations: readonly { value: string; label: string; selected: boolean }[];
  shownDigest: string;
  /** Why some tools cannot be ticked, and until when. */
  quarantine?: string;
  problem?: string;
}

/** Where the answer goes. */
export interface RedirectContext {
  uri: string;
  /** What the person can judge: a host, or an app's scheme. */
  target: string;
  kind: 'web' | 'loopback' | 'app';
}

/** What an agent says of itself now and did not say before. */
export interface AgentChangeContext {
  name?: { before: string; now: string };
  /** Hosts, or schemes of apps. */
  addedPlaces: readonly string[];
  removedPlaces: readonly string[];
  hasOtherAddresses: boolean;
  hasOtherKeys: boolean;
}

/** What is known here of the agent; nothing of it is its own word. */
export interface AgentFactsContext {
  /** Where its description is, in a sentence, where that does not vouch for the name. */
  publisher?: string;
  /** Since when, and by whom, in sentences. */
  known: readonly string[];
  /** What it looks like and is not, the worst first. */
  warnings: readonly string[];
}

/** Consent, and consent for one tool more. */
export interface ConsentContext extends FormPage {
  kind: 'consent' | 'widen';
  action: string;
  /** Why what the link names is refused, in a sentence: the widen page. */
  refusal?: string;
  agent: AgentContext;
  server: { name: string; resource: string };
  /** Absent where no answer goes to the agent: the widen page. */
  redirect?: RedirectContext;
  /** How the agent differs from what it was when the person decided. */
  agentChange?: AgentChangeContext;
  /** Absent where the agent is known already: the widen page. */
  facts?: AgentFactsContext;
  /** Whether something stands already. */
  isRepeat: boolean;
  /** Whether anything is marked as asked for now. */
  hasAsked: boolean;
  choice: ChoiceContext;
  /** As it was asked for, and what else the agent learns. */
  requestedScope?: string;
  learns: readonly string[];
  accessTokenMinutes: number;
  effectWithin: string;
}

/** One API key of the person's own. */
export interface KeyContext {
  id: string;
  name: string;
  server: { name: string; resource: string };
  /** The first of its tools, by name. */
  tools: readonly string[];
  /** How many there are beside these. */
  moreTools: number;
  counts: ConnectionContext['counts'];
  openWorldCount: number;
  resources: boolean;
  prompts: boolean;
  waiting: ConnectionContext['waiting'];
  until: string;
  /** When the key that works was made; `isReplaced`: in the place of another. */
  madeOn: string;
  isReplaced: boolean;
  lastUsed: string;
  /** Absent where nothing is to be said of its end. */
  end?: 'soon' | 'over';
  /** Until when the key that was replaced works beside it. */
  oldUntil?: string;
}

/** Connected agents, what they did, and API keys. */
export interface AccountContext extends FormPage {
  email: string;
  connections: readonly ConnectionContext[];
  /** The latest of what they did; `hasMore`: there is a page with all of it. */
  activity: { days: readonly DayOfDeedsContext[]; newSince?: string; hasMore: boolean };
  keys: readonly KeyContext[];
  /** Addresses of the pages before and behind this one, where there are any. */
  newer?: string;
  older?: string;
  notice?: string;
}

/** Change of one consent. */
export interface ChangeContext extends FormPage {
  action: string;
  agent: AgentContext;
  server: { name: string; resource: string };
  choice: ChoiceContext;
  effectWithin: string;
}

/** Revocation of one consent, asked once more. */
export interface RevokeContext extends FormPage {
  action: string;
  agent: AgentContext;
  server: { name: string; resource: string };
  effectWithin: string;
}

/** The servers that a key may be made for. */
export interface KeyServersContext extends PageFrame {
  servers: readonly { href: string; name: string; resource: string }[];
  /** Where the page with all of them is. */
  all: string;
  /** What is looked for; absent where they are so few that nobody looks. */
  search?: { query: string; maxCharacters: number };
  /** Addresses of the pages before and behind this one, where there are any. */
  previous?: string;
  next?: string;
}

/** A new key. */
export interface NewKeyContext extends FormPage {
  action: string;
  server: { name: string; resource: string };
  name: string;
  maxNameCharacters: number;
  choice: ChoiceContext;
}

/** A key as it is told, once. */
export interface KeyToldContext extends PageFrame {
  id: string;
  name: string;
  server: { name: string; resource: string };
  secret: string;
  until: string;
  /** Set where it replaces one: until when that works, or that it does not any more. */
  replaced?: { oldUntil?: string };
}

/** Revocation or replacement of a key, asked once more. */
export interface KeyAskContext extends FormPage {
  kind: 'revoke' | 'replace';
  action: string;
  name: string;
  server: { name: string; resource: string };
  effectWithin: string;
  /** Which key the page is about: comes back with the form. */
  made: string;
  /** Why nothing was changed when the page was posted. */
  problem?: string;
  /** Whether its time is over. */
  isOver: boolean;
  /** Set where it ends by itself before the time for which it would go on beside a new one. */
  oldUntil?: string;
  /** Set where it was replaced a while ago, and the one before works still. */
  two?: { madeOn: string; oldUntil: string };
}

/** Password change. */
export interface PasswordContext extends FormPage {
  action: string;
  email: string;
  minimumCharacters: number;
  problem?: string;
}

/** Sign-out, asked once, because any page may link here. */
export interface SignOutContext extends PageFrame {
  action: string;
  /** Go along hidden. */
  fields: readonly { name: string; value: string }[];
  /** The client that sent the person here, when one did. */
  agent?: string;
}

/** A one-time link. */
export interface LinkContext extends FormPage {
  action: string;
  purpose: 'invitation' | 'password-reset' | 'first-admin';
  /** Whose account; the first admin types one. */
  email?: string;
  typedEmail?: string;
  minimumCharacters: number;
  until: string;
  problem?: string;
}

/** Something was done; what next. */
export interface DoneContext extends PageFrame {
  title: string;
  text: string;
  next?: { href: string; label: string };
}

/** An error, with the step that most often helps. */
export interface ErrorContext extends PageFrame {
  title: string;
  what: string;
  /** What to do, most helpful first. */
  steps: readonly string[];
  /** Facts for whoever looks into it; names are ours, values may be strangers'. */
  facts: readonly { name: string; value: string }[];
  /** What whoever makes the agent has to know. */
  developer?: { parameter: string; rule: string; fix: string };
  /** Where the agent waits to hear of it, for the person to choose. */
  wayBack?: { href: string; who: string };
  requestId?: string;
}

/** Every view with its context. */
export interface ViewContexts {
  start: StartContext;
  login: LoginContext;
  consent: ConsentContext;
  account: AccountContext;
  places: PlacesContext;
  tools: ToolsContext;
  activity: ActivityContext;
  change: ChangeContext;
  revoke: RevokeContext;
  'tool-time': ToolTimeContext;
  'key-servers': KeyServersContext;
  'key-new': NewKeyContext;
  'key-told': KeyToldContext;
  'key-ask': KeyAskContext;
  password: PasswordContext;
  'sign-out': SignOutContext;
  link: LinkContext;
  done: DoneContext;
  error: ErrorContext;
}

/** The name of a view. */
export type ViewName = keyof ViewContexts;
