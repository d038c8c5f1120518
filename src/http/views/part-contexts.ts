/** What parts of pages are made of: differences of tools, sums, entries of lists. Texts are ready to be read. */
import type { Risk } from '../../domain/risk.ts';

/** One thing in which a definition differs. */
export interface DifferencePart {
  label: string;
  /** Of an argument. */
  name?: string;
  note?: string;
  /** Old and new text, word by word. */
  text?: readonly { kind: 'same' | 'gone' | 'new'; text: string }[];
}

/** How a tool differs from what the person was shown when she allowed it. */
export interface DifferenceContext {
  /** What counts most, in our words. */
  reasons: readonly string[];
  parts: readonly DifferencePart[];
  /** How many parts are not shown. */
  moreParts: number;
}

/** What the selection amounts to, as the page was sent; what is ticked afterwards is followed by the style sheet. */
export interface AmountContext {
  count: string;
  /** The worst that it could do; absent where nothing is ticked. */
  worst?: Risk;
  /** Titles of the first tools that would do that, where it is more than reading, and how many more there are. */
  named: readonly string[];
  moreNamed: number;
  /** Something ticked reaches outside. */
  reachesOut: boolean;
  /** It has both ends of the way on which data leaks out. */
  canLeak: boolean;
  /** Whose word all of this is; absent where no tools are on the page. */
  source?: string;
}

/** A tool that an agent may use. */
export interface AllowedToolContext {
  /** By its name, as it goes into an address. */
  value: string;
  title: string;
  risk: Risk;
  openWorld: boolean;
  /** Absent: no call was reported. */
  lastCalled?: string;
  /** Where it ends before the rest. */
  until?: string;
}

/** One place where a person uses an agent. */
export interface InstallationContext {
  id: string;
  since: string;
  browser?: string;
  address?: string;
  lastUsed: string;
}
