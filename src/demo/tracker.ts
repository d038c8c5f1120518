/** One issue of the demo tracker. */
export interface Issue {
  readonly id: number;
  title: string;
  description: string;
  status: 'open' | 'closed';
  assignee: string | undefined;
  readonly labels: readonly string[];
  readonly comments: Comment[];
  readonly createdAt: Date;
}

/** A remark on an issue. */
export interface Comment {
  readonly author: string;
  readonly text: string;
  readonly writtenAt: Date;
}

/** A message that the demo would send into the world; it is kept here instead. */
export interface OutgoingMessage {
  readonly channel: 'email' | 'chat';
  readonly to: string;
  readonly text: string;
  readonly sentAt: Date;
}

/** What a tool tells its caller when it cannot do what was asked. */
export class TrackerError extends Error {
  override readonly name = 'TrackerError';
}

const MAX_ISSUES = 1_000;
const MAX_KEPT_MESSAGES = 100;

/** An issue tracker in memory: the real thing that the demo's tools work on. Everything is lost at exit. */
export class Tracker {
  readonly #issues = new Map<number, Issue>();
  readonly #outbox: OutgoingMessage[] = [];
  readonly #now: () => Date;
  #nextId = 1;

  constructor(now: () => Date) {
    this.#now = now;
  }

  get people(): readonly string[] {
    return ['ada', 'grace', 'linus', 'margaret'];
  }

  get outbox(): readonly OutgoingMessage[] {
    return this.#outbox;
  }

  listIssues(status?: Issue['status']): Issue[] {
    return [...this.#issues.values()].filter((issue) => status === undefined || issue.status === status);
  }

  searchIssues(text: string): Issue[] {
    const wanted = text.toLowerCase();
    return this.listIssues().filter((issue) =>
      [issue.title, issue.description, ...issue.labels].some((part) => part.toLowerCase().includes(wanted)),
    );
  }

  /** Throws TrackerError when there is no such issue. */
  getIssue(id: number): Issue {
    const issue = this.#issues.get(id);
    if (issue === undefined) throw new TrackerError(`There is no issue ${id}.`);
    return issue;
  }

  createIssue(facts: { title: string; description: string; labels?: readonly string[] }): Issue {
    if (this.#issues.size >= MAX_ISSUES) throw new TrackerError('The tracker is full. Delete some issues first.');
    const issue: Issue = {
      id: this.#nextId++,
      title: facts.title,
      description: facts.description,
      status: 'open',
      assignee: undefined,
      labels: facts.labels ?? [],
      comments: [],
      createdAt: this.#now(),
    };
    this.#issues.set(issue.id, issue);
    return issue;
  }

  comment(id: number, author: string, text: string): Issue {
    const issue = this.getIssue(id);
    issue.comments.push({ author, text, writtenAt: this.#now() });
    return issue;
  }

  assign(id: number, assignee: string): Issue {
    if (!this.people.includes(assignee)) throw new TrackerError(`There is nobody called ${JSON.stringify(assignee)} here.`);
    const issue = this.getIssue(id);
    issue.assignee = assignee;
    return issue;
  }

  setStatus(id: number, status: Issue['status']): Issue {
    const issue = this.getIssue(id);
    issue.status = status;
    return issue;
  }

  deleteIssue(id: number): Issue {
    const issue = this.getIssue(id);
    this.#issues.delete(id);
    return issue;
  }

  /** Deletes every closed issue; returns how many there were. */
  purgeClosed(): number {
    const closed = this.listIssues('closed');
    for (const issue of closed) this.#issues.delete(issue.id);
    return closed.length;
  }

  /** Keeps a message that would leave the machine if this were not a demo. */
  send(message: Omit<OutgoingMessage, 'sentAt'>): void {
    this.#outbox.push({ ...message, sentAt: this.#now() });
    if (this.#outbox.length > MAX_KEPT_MESSAGES) this.#outbox.shift();
  }

  /** A few lines about the whole tracker. */
  summary(): string {
    const open = this.listIssues('open');
    const unassigned = open.filter((issue) => issue.assignee === undefined).length;
    return [
      `${open.length} open and ${this.listIssues('closed').length} closed issues, ${unassigned} open ones without an assignee.`,
      ...open.map((issue) => `#${issue.id} ${issue.title} (${issue.assignee ?? 'nobody'})`),
    ].join('\n');
  }
}
