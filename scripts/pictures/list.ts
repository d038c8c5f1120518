/** Every picture below `docs/images`, without `.png`, by the story in which it is taken. */
export const pictures = {
  /** Pages with made-up content, as the tests of the pages have it. */
  pages: ['consent', 'consent-dark', 'consent-policy', 'activity', 'account', 'sign-in'],
  /** What `docs/five-tasks.md` shows, taken while its presses are done on the running product. */
  fiveTasks: [
    'task-1-asked',
    'task-1-picked',
    'task-2-account',
    'task-2-changed',
    'task-3-refused',
    'task-3-why',
    'task-4-hour',
    'task-5-activity',
  ],
  /** Servers that were not written here, behind the doors of `docs/examples`. */
  publishedServers: ['published-everything', 'published-files', 'published-files-update', 'published-browser', 'published-browser-tools'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What `npm run pictures -- <name>` takes. */
export type StoryName = keyof typeof pictures;
