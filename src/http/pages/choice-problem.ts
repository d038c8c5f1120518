import type { Failure } from '../../domain/failures.ts';
import { HttpProblem } from '../http-problem.ts';

/** Why a decision was not recorded: words for the same page once more, or a problem that ends it. */
export function choiceProblem(failure: Failure): string | HttpProblem {
  switch (failure.kind) {
    case 'nothing-ticked':
      return 'Nothing is ticked. Tick at least one tool.';
    case 'page-outdated':
      return 'Something changed while this page was open. Look again: this is how it is now. Nothing was saved.';
    case 'sign-in-needed':
      return 'Your organisation lets this be allowed only shortly after you signed in. Sign in again, then allow it.';
    case 'unknown-consent':
    case 'consent-ended':
    case 'consent-expired':
    case 'unknown-tool':
    case 'unknown-installation':
    case 'installation-ended':
      return new HttpProblem('consent-not-found', { message: failure.kind });
    case 'client-blocked':
      return new HttpProblem('agent-blocked');
    case 'unknown-user':
    case 'user-disabled':
    case 'unknown-client':
    case 'unknown-resource':
      return new HttpProblem('interaction-not-found', { message: failure.kind });
    default:
      return failure satisfies never;
  }
}

/** Why a page with tools cannot be shown at all. */
export function endingProblem(failure: Failure): HttpProblem {
  const problem = choiceProblem(failure);
  return problem instanceof HttpProblem ? problem : new HttpProblem('fault', { message: problem });
}
