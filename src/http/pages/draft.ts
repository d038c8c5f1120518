/** What a page with tools was posted with: the ticks as they are, and the button that was pressed. */
import { type ConsentDuration, consentDurations } from '../../domain/consent.ts';
import { type Risk, risks } from '../../domain/risk.ts';
import type { AnsweredPage } from '../../services/record-answer.ts';
import type { Form } from '../request-body.ts';
import { type Draft, longest, type Offer, pickSingly, switchGroup } from '../views/choice.ts';
import { firstDuration } from '../views/durations.ts';

/** The most that a posted page may weigh: it names every ticked tool, and servers have thousands. */
export const choiceBodyBytes = 512 * 1024;

/** Which button was pressed. `edit`: one that changes the page and decides nothing. */
export type Pressed = 'allow' | 'deny' | 'save' | 'sign-out' | 'edit';

const deciding = new Set<string>(['allow', 'deny', 'save', 'sign-out']);

/** The button. Anything unknown decides nothing. */
export function pressedOf(form: Form): Pressed {
  const value = form.text('do');
  return deciding.has(value) ? (value as Pressed) : 'edit';
}

/** The draft, with the effect of the pressed button on it. */
export function draftOf(form: Form, offer: Offer): Draft {
  const draft: Draft = {
    ticked: new Set(form.all('tool')),
    resources: form.text('resources') !== '',
    prompts: form.text('prompts') !== '',
    duration: durationOf(form, offer),
    query: form.text('do') === 'search-clear' ? '' : form.text('query').slice(0, 100),
    openGroups: new Set(form.all('open').filter(isRisk)),
  };
  const [verb, risk] = form.text('do').split(':');
  if (verb === 'pick') return pickSingly(draft);
  if (verb === 'shorten') return { ...draft, duration: '1h' };
  if ((verb === 'all' || verb === 'none') && isRisk(risk)) return switchGroup(offer, draft, { risk, isOn: verb === 'all' });
  return draft;
}

/** The draft as an answer to the page that was shown. */
export function answerOf(form: Form, draft: Draft): AnsweredPage {
  return {
    tickedTools: [...draft.ticked],
    resources: draft.resources,
    prompts: draft.prompts,
    duration: draft.duration,
    shownDigest: form.text('shown'),
  };
}

/** Anything but a duration is the default; policy cuts what is too long (ABUSE-38). */
function durationOf(form: Form, offer: Offer): Draft['duration'] {
  const value = form.text('duration');
  if (value in consentDurations && Object.hasOwn(consentDurations, value)) return value as ConsentDuration;
  return firstDuration({ standing: offer.standing, most: longest(offer) });
}

function isRisk(text: string | undefined): text is Risk {
  return risks.some((risk) => risk === text);
}
