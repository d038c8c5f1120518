/** What is fuzzed with how many requests in the end; the tests take a share of each. */
import { anyRequests, authorizationRequests, registrationRequests } from './requests.ts';

/** The full counts. */
export const fuzzParts = [
  { title: 'registration bodies', requests: registrationRequests, count: 200_000 },
  { title: 'authorization queries', requests: authorizationRequests, count: 200_000 },
  { title: 'requests over every route', requests: anyRequests, count: 1_000_000 },
] as const;
