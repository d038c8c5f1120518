/** Every picture below `docs/images`, without `.png`, by the story in which it is taken. */
export const pictures = {
  /** Pages with made-up content, as the tests of the pages have it. */
  pages: ['consent', 'consent-dark', 'consent-policy', 'activity', 'account', 'sign-in'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What `npm run pictures -- <name>` takes. */
export type StoryName = keyof typeof pictures;
