/** What was done just before, as a page says it at its top: named by the query; anything else says nothing. Pure. */
import type { Context } from 'koa';
import { spanInWords } from '../views/instants.ts';

const notices: Readonly<Record<string, string>> = {
  changed: 'Saved.',
  widened: 'Saved. Go back to your agent and let it try again.',
  revoked: 'Revoked.',
  timed: 'Saved: that tool ends when you said.',
  paused: 'Paused: it stays connected, and may do nothing.',
  resumed: 'It goes on, with what you allowed before.',
  dropped: 'Taken away.',
  disconnected: 'Ended there. Other places go on.',
  'key-revoked': 'Revoked: the key is refused from now on.',
  welcome: 'Your password is set. You are signed in.',
  password: 'Your password is changed. You are signed out everywhere else.',
};

/** The notice, with how soon it takes effect where the query says so. */
export function doneNotice({ done, within }: Context['query']): { notice?: string } {
  if (typeof done !== 'string' || !Object.hasOwn(notices, done)) return {};
  const seconds = typeof within === 'string' && /^\d{1,4}$/.test(within) ? Number(within) : undefined;
  return { notice: `${notices[done]}${seconds === undefined ? '' : ` It takes effect within ${spanInWords(seconds)}.`}` };
}
