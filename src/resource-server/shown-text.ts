/** A stranger's text as people and models are shown it: in quotes, on one line, of bounded length, and without characters that nobody sees. */
export function shownText(text: string): string {
  const visible = text.slice(0, MAX_SHOWN_CHARACTERS).replaceAll(/\p{C}/gu, '\uFFFD');
  return JSON.stringify(text.length > MAX_SHOWN_CHARACTERS ? `${visible}…` : visible);
}

const MAX_SHOWN_CHARACTERS = 256;
