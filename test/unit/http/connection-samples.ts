import type { ViewContexts } from '../../../src/http/views/contexts.ts';
import { agent, formToken, frame, person, server } from './sample-facts.ts';

const connection = `${frame.issuer}/account/consents/cns_one`;
const about = { ...person, connection, agent, server };
const of = { ...about, formToken, effectWithin: '15 seconds' };

/** A page of the places where one agent is used. */
export const placesSamples: Readonly<Record<string, ViewContexts['places']>> = {
  between: {
    ...of,
    places: [
      {
        id: 'ins_one',
        since: '23 November 2026',
        browser: 'Firefox on Linux',
        address: '2001:db8::7',
        lastUsed: '23 November 2026, 14:01 UTC',
      },
      { id: 'ins_two', since: '20 November 2026', lastUsed: 'not yet' },
    ],
    fields: [
      { name: 'list', value: 'places' },
      { name: 'after', value: '1795442400000.ins_zero' },
    ],
    isFirst: false,
    newer: `${connection}/places?before=1795442400000.ins_one`,
    older: `${connection}/places?after=1795183200000.ins_two`,
    notice: 'Ended there. Other places go on. It takes effect within 15 seconds.',
  },
  nowhere: { ...of, places: [], fields: [{ name: 'list', value: 'places' }], isFirst: true },
  emptied: { ...of, places: [], fields: [{ name: 'list', value: 'places' }], isFirst: false },
};

/** A page of the tools that one agent may use. */
export const toolsSamples: Readonly<Record<string, ViewContexts['tools']>> = {
  between: {
    ...about,
    isPaused: false,
    reportsCalls: true,
    tools: [
      { value: 'list_issues', title: 'List issues', risk: 'read', openWorld: false, lastCalled: '23 November 2026, 14:01 UTC' },
      { value: 'search_web', title: 'Search the web', risk: 'write', openWorld: true, until: '30 November 2026' },
      { value: '"><script>', title: '<script>document.title="owned"</script>', risk: 'destructive', openWorld: false },
    ],
    first: 101,
    toolCount: 240,
    previous: `${connection}/tools`,
    next: `${connection}/tools?after=x`,
  },
  paused: {
    ...about,
    isPaused: true,
    reportsCalls: false,
    tools: [{ value: 'list_issues', title: 'List issues', risk: 'read', openWorld: false }],
    first: 1,
    toolCount: 1,
  },
  none: { ...about, isPaused: false, reportsCalls: true, tools: [], first: 1, toolCount: 0 },
};
