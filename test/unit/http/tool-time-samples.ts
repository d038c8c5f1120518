import type { ToolTimeContext } from '../../../src/http/views/tool-times.ts';
import { agent, formToken, frame, person, server } from './sample-facts.ts';

const toolTime = {
  ...person,
  formToken,
  action: `${frame.issuer}/account/consents/cns_one/time?tool=create_issue`,
  change: `${frame.issuer}/account/consents/cns_one`,
  agent,
  server,
  tool: 'Create issue',
  version: '3',
  effectWithin: '15 seconds',
};
/** Samples of the page of one tool. */
export const toolTimeSamples: Readonly<Record<string, ToolTimeContext>> = {
  bounded: {
    ...toolTime,
    until: '23 December 2026',
    times: [
      { value: '1h', label: '1 hour', until: '23 November 2026, 15:00 UTC' },
      { value: '1d', label: '1 day', until: '24 November 2026, 14:00 UTC' },
      { value: 'until-revoked', label: 'As long as the rest', until: '23 December 2026' },
    ],
  },
  outdated: {
    ...toolTime,
    tool: '<script>document.title="owned"</script>',
    until: 'you revoke it',
    times: [{ value: 'until-revoked', label: 'Until I revoke it' }],
    problem: 'Something changed while this page was open. Look again: this is how it is now. Nothing was saved.',
  },
};
