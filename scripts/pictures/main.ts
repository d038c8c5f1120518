/** Takes the pictures of the documentation: `npm run pictures`, or some stories' alone by their names. */
import { launchBrowser, prepareBrowser } from '../../test/support/browser.ts';
import { startTestCluster, stopTestCluster } from '../../test/support/test-cluster.ts';
import { pictures, type StoryName } from './list.ts';
import { fiveTasks } from './stories/five-tasks.ts';
import { pages } from './stories/pages.ts';
import { publishedServersStory } from './stories/published-servers.ts';
import { type Story, tell } from './studio.ts';

const stories: Readonly<Record<StoryName, Story>> = { pages, fiveTasks, publishedServers: publishedServersStory };

const names = Object.keys(stories) as StoryName[];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !names.some((known) => known === name));

if (unknown.length > 0) {
  process.stderr.write(`There is no story ${unknown.join(', ')}; there are: ${names.join(', ')}\n`);
  process.exitCode = 2;
} else {
  await takePictures(asked.length === 0 ? names : names.filter((name) => asked.includes(name)));
}

async function takePictures(chosen: readonly StoryName[]): Promise<void> {
  await prepareBrowser();
  await startTestCluster();
  const browser = await launchBrowser();
  try {
    for (const name of chosen) await tell(stories[name], { browser, list: pictures[name] });
  } finally {
    await browser.close();
    await stopTestCluster();
  }
}
