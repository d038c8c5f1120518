/** One connected agent: its entry, and the pages on which its tools and its places are listed where they are many. */
import type { Risk } from '../../domain/risk.ts';
import type { AgentContext, PageFrame } from './frame-contexts.ts';
import type { AllowedToolContext, InstallationContext } from './part-contexts.ts';

/** One entry of "Connected agents". */
export interface ConnectionContext {
  id: string;
  agent: AgentContext;
  server: { name: string; resource: string };
  counts: readonly { risk: Risk; title: string; count: number }[];
  openWorldCount: number;
  resources: boolean;
  prompts: boolean;
  /** Allowed, but waiting until the person has looked again. */
  waiting: readonly { title: string; reason: string }[];
  /** The person has paused it. */
  isPaused: boolean;
  /** The first tools, and how many there are. */
  tools: readonly AllowedToolContext[];
  toolCount: number;
  /** Where all of them are listed, where these are not all. */
  allTools?: string;
  /** Whether anybody would know of calls. */
  reportsCalls: boolean;
  /** Not called for long, and not all that it has. */
  unused: readonly { value: string; title: string }[];
  /** Nothing that it has was called for long. */
  isUnused: boolean;
  /** The newest places where it is used, and how many there are. */
  installations: readonly InstallationContext[];
  installationCount: number;
  /** Where all of them are listed, where these are not all. */
  allPlaces?: string;
  until: string;
  allowedOn: string;
  lastUsed: string;
}

/** A page of the tools that one agent may use. */
export interface ToolsContext extends PageFrame {
  /** The address of the agent's entry; a tool's time is changed below it. */
  connection: string;
  agent: AgentContext;
  server: { name: string; resource: string };
  isPaused: boolean;
  reportsCalls: boolean;
  tools: readonly AllowedToolContext[];
  /** Which of how many these are, from 1 on. */
  first: number;
  toolCount: number;
  /** Addresses of the pages before and behind this one, where there are any. */
  previous?: string;
  next?: string;
}

/** A page of the places where one agent is used, the newest first. */
export interface PlacesContext extends PageFrame {
  formToken: string;
  /** The address of the agent's entry; what is done to a place is below it. */
  connection: string;
  agent: AgentContext;
  server: { name: string; resource: string };
  places: readonly InstallationContext[];
  /** Which page it is: goes along hidden with each form, which leads back here. */
  fields: readonly { name: string; value: string }[];
  isFirst: boolean;
  effectWithin: string;
  /** Addresses of the pages before and behind this one, where there are any. */
  newer?: string;
  older?: string;
  notice?: string;
}
