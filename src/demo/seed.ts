import type { Tracker } from './tracker.ts';

/** Fills a tracker with a handful of issues, so that the first tool call finds something. */
export function seedTracker(tracker: Tracker): void {
  const login = tracker.createIssue({
    title: 'Login page is blank in Safari',
    description: 'Reported by three customers since Monday. The console shows a blocked stylesheet.',
    labels: ['bug', 'frontend'],
  });
  tracker.assign(login.id, 'ada');
  tracker.comment(login.id, 'grace', 'I can reproduce this with Safari 19 and content blockers on.');

  const invoice = tracker.createIssue({
    title: 'Invoices show yesterday as the due date',
    description: 'Only for customers west of Greenwich. Smells like a time zone.',
    labels: ['bug', 'billing'],
  });
  tracker.comment(invoice.id, 'margaret', 'The date is cut from an instant in UTC.');

  tracker.createIssue({
    title: 'Export issues as CSV',
    description: 'Asked for by the support team, for their monthly report.',
    labels: ['feature'],
  });

  const upgrade = tracker.createIssue({
    title: 'Upgrade the database to version 18',
    description: 'Version 15 gets no more fixes soon.',
    labels: ['chore'],
  });
  tracker.assign(upgrade.id, 'linus');

  const typo = tracker.createIssue({
    title: 'Typo on the pricing page',
    description: '"Per moth" should read "per month".',
    labels: ['bug', 'copy'],
  });
  tracker.assign(typo.id, 'grace');
  tracker.setStatus(typo.id, 'closed');

  const flaky = tracker.createIssue({
    title: 'Flaky test in the search suite',
    description: 'Fails about once in fifty runs.',
    labels: ['chore'],
  });
  tracker.setStatus(flaky.id, 'closed');
}
