/** Samples of what agents did. */
import type { ActivityContext, DayOfDeedsContext } from '../../../src/http/views/activity-contexts.ts';
import { readableName } from '../../../src/http/views/untrusted-text.ts';
import { agent, frame, person, server } from './sample-facts.ts';

/** Two days. */
export const deeds: readonly DayOfDeedsContext[] = [
  {
    title: 'Today, 23 November 2026',
    deeds: [
      {
        who: { agent },
        server: server.name,
        used: {
          groups: [
            {
              verb: 'read',
              before: '',
              tools: [
                { title: 'List issues', times: '14 times', before: '' },
                { title: 'Get issue', times: 'twice', before: ', ' },
              ],
            },
            { verb: 'changed something', before: ' and ', tools: [{ title: 'Create issue', times: 'once', before: '' }] },
          ],
        },
        refused: {
          tools: [
            { title: 'Delete issue', times: 'twice', before: '', whyHref: `${frame.issuer}/widen?consent=cns_one&tool=delete_issue` },
          ],
        },
        failed: 'One of these calls failed.',
        source: 'Reported by Acme Issues',
        last: '14:01 UTC',
        isNew: true,
      },
      {
        who: { key: 'nightly export' },
        server: server.name,
        used: { groups: [{ before: '', tools: [{ title: 'List issues', times: 'once', before: '' }] }] },
        refused: { tools: [] },
        source: 'Reported by Acme Issues',
        last: '03:00 UTC',
        isNew: false,
      },
    ],
  },
  {
    title: 'Yesterday, 22 November 2026',
    deeds: [
      {
        who: {},
        server: 'a server',
        used: { groups: [] },
        refused: { tools: [{ title: 'something that it does not have', times: 'once', before: '' }] },
        source: 'Reported by the server',
        last: '18:30 UTC',
        isNew: false,
      },
    ],
  },
];

const hostileTitle = readableName('\u001b[31m<script>document.title="owned"</script>\r\n\u202egnp.exe', 'a tool');
const hostileDeeds: readonly DayOfDeedsContext[] = [
  {
    title: '21 November 2026',
    deeds: [
      {
        who: { agent: { name: hostileTitle, clientId: 'cli_hostile' } },
        server: hostileTitle,
        used: {
          groups: [{ verb: 'read', before: '', tools: [{ title: hostileTitle, times: '1,000,000 times', before: '' }] }],
          more: '11 more tools',
        },
        refused: { tools: [{ title: hostileTitle, times: 'once', before: '' }] },
        source: `Reported by ${hostileTitle}`,
        last: '00:00 UTC',
        isNew: false,
      },
    ],
  },
];

/** By what there is to see. */
export const activitySamples: Readonly<Record<string, ActivityContext>> = {
  empty: { ...person, days: [], agents: [], isFiltered: false },
  full: {
    ...person,
    days: deeds,
    agents: [
      { href: `${frame.issuer}/account/activity`, name: 'All agents', isChosen: true },
      { href: `${frame.issuer}/account/activity?agent=cli_Xq0mJ9a4`, name: agent.name, isChosen: false },
      { href: `${frame.issuer}/account/activity?agent=cli_two`, name: 'Release bot', isChosen: false },
    ],
    isFiltered: false,
    newSince: '22 November 2026, 09:12 UTC',
    older: `${frame.issuer}/account/activity?after=2026-11-22.cns_one`,
  },
  filtered: {
    ...person,
    days: [],
    agents: [
      { href: `${frame.issuer}/account/activity`, name: 'All agents', isChosen: false },
      { href: `${frame.issuer}/account/activity?agent=cli_two`, name: 'Release bot', isChosen: true },
    ],
    isFiltered: true,
  },
  hostile: { ...person, days: hostileDeeds, agents: [], isFiltered: false, latest: `${frame.issuer}/account/activity` },
};
