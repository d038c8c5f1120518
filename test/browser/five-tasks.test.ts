/** Five things that people come for, on the running product: done by exactly the presses that the documentation lists. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type PlayedTask, playTasks } from '../support/played-tasks.ts';
import { startWhole, type Whole } from '../support/whole.ts';
import { pressesOf, readTasks } from '../support/written-tasks.ts';

let browser: Browser;
let whole: Whole;
beforeAll(async () => {
  [browser, whole] = await Promise.all([launchBrowser(), startWhole()]);
});
afterAll(async () => {
  await browser.close();
  await whole.stop();
});

it('each of the five tasks takes at most four presses, and comes to what it is for', async () => {
  const tasks = await readTasks();
  expect(tasks.map((task) => [task.title, pressesOf(task).length])).toEqual([
    ['Allow two tools', 4],
    ['Come back and remove one', 3],
    ['Find out why a call was denied, and allow it', 3],
    ['Let an agent do one thing for an hour', 4],
    ['See what an agent did', 1],
  ]);
  const textOf = async ({ page }: PlayedTask) => ((await page.locator('main').textContent()) ?? '').replaceAll(/\s+/g, ' ');
  const outcomes: ((played: PlayedTask) => Promise<void>)[] = [
    async ({ first }) => expect(await first.listTools()).toEqual(['comment_on_issue', 'list_issues']),
    async (played) =>
      expect(await textOf(played)).toMatch(/Saved\. It takes effect within 15 seconds\..*Claude Code on Tracker.*Read 1 Until/),
    async (played) => {
      expect(await textOf(played)).toMatch(/Saved\. Go back to your agent and let it try again\..*Read 1 Change 1 Until/);
    },
    async ({ second }) => {
      expect(await second.listTools()).toEqual(['create_issue']);
      const consents = await whole.issuer.runtime.store.consent.findMany({ include: { versions: true } });
      const hours = consents.flatMap(({ versions }) =>
        versions.map(({ decidedAt, expiresAt }) => (Number(expiresAt) - Number(decidedAt)) / 3_600_000),
      );
      expect(hours.filter((length) => length === 1)).toHaveLength(1);
    },
    async (played) => expect(await textOf(played)).toMatch(/read \(List issues once\) on Tracker\. Refused: Close an issue once/),
  ];
  const done: number[] = [];
  await playTasks(browser, whole, tasks, {
    done: async (task, played) => {
      await outcomes[task - 1]?.(played);
      done.push(task);
    },
  });
  expect(done).toEqual([1, 2, 3, 4, 5]);
  expect(whole.faults).toEqual([]);
});
