/** What the pages are made of that say what agents did. */
import type { AgentContext, PageFrame } from './frame-contexts.ts';

/** A tool in a sentence, and what stands before it there. */
export interface DeedToolContext {
  title: string;
  /** How often. */
  times: string;
  before: string;
  /** Of what was refused: where it is said why, and can be allowed. */
  whyHref?: string;
}

/** What was done with the tools of one risk. */
export interface DeedGroupContext {
  /** Absent: it is not known what these may do. */
  verb?: string;
  before: string;
  tools: readonly DeedToolContext[];
}

/** What one agent did on one day at one server. */
export interface DeedContext {
  /** Neither: it is not known any more. */
  who: { agent?: AgentContext; key?: string; wasKey?: boolean };
  server: string;
  used: { groups: readonly DeedGroupContext[]; more?: string };
  /** What it was not allowed to do, and did not. */
  refused: { tools: readonly DeedToolContext[]; more?: string };
  failed?: string;
  /** Who says so. */
  source: string;
  last: string;
  /** Since the person's last visit. */
  isNew: boolean;
}

/** The deeds of one day. */
export interface DayOfDeedsContext {
  title: string;
  deeds: readonly DeedContext[];
}

/** What agents did. */
export interface ActivityContext extends PageFrame {
  days: readonly DayOfDeedsContext[];
  /** Whose deeds can be looked at by themselves, all together first; none where there is nothing to choose. */
  agents: readonly { href: string; name: string; isChosen: boolean }[];
  isFiltered: boolean;
  /** When the person looked before. */
  newSince?: string;
  /** Addresses of the first page, where this is another, and of what is older. */
  latest?: string;
  older?: string;
}
