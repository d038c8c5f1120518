import { playTasks } from '../../../test/support/played-tasks.ts';
import { startWhole } from '../../../test/support/whole.ts';
import { readTasks } from '../../../test/support/written-tasks.ts';
import type { Studio } from '../studio.ts';

/** As wide as pages with tools want to be, which have the decision beside them then. */
const size = { width: 1120, height: 900 };

/** Of these, what a window shows: all tools are unfolded. */
const inWindow: ReadonlySet<string> = new Set(['task-1-picked', 'task-4-hour']);

/** The tasks of `docs/five-tasks.md`, done by its own lines, at the addresses of `npm start`. */
export async function fiveTasks(studio: Studio): Promise<void> {
  const whole = await startWhole({ issuer: { issuer: 'http://localhost:4000', port: 4000 }, demoPort: 4001 });
  studio.after(() => whole.stop());
  await playTasks(studio.browser, whole, await readTasks(), {
    see: async (page, picture) => {
      await page.setViewportSize(size);
      await studio.take(page, picture, inWindow.has(picture) ? { height: size.height } : {});
    },
  });
}
