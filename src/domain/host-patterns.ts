/** Lists of hosts that an operator writes: `claude.ai`, `*.example.com` (every name below it, not itself), or `*` for all. */
import type { Form } from './tenant-setting-forms.ts';

const pattern = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9_][a-z0-9_-]{0,62}$/;

/** The most hosts in a list. */
const maxPatterns = 200;

/** Whether a host (as `URL` spells it, without a port) is in a list. */
export function isHostListed(patterns: readonly string[], host: string): boolean {
  return patterns.some((one) => one === '*' || one === host || (one.startsWith('*.') && host.endsWith(one.slice(1))));
}

/** How such a list is written: separated by commas, `none` for an empty one. Names outside ASCII in their `xn--` form. */
export const hostList: Form<readonly string[]> = {
  read: (text) => {
    if (text === 'none') return { value: [] };
    const patterns = [
      ...new Set(
        text
          .toLowerCase()
          .split(',')
          .map((part) => part.trim()),
      ),
    ];
    const wrong = patterns.find((one) => one !== '*' && !pattern.test(one));
    if (wrong !== undefined) return { problem: `has ${JSON.stringify(wrong)}, which is no host` };
    if (patterns.length > maxPatterns) return { problem: `has ${patterns.length} hosts, and ${maxPatterns} are the most` };
    return { value: patterns };
  },
  spell: (patterns) => (patterns.length === 0 ? 'none' : patterns.join(',')),
};
