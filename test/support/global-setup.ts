import { prepareBrowser } from './browser.ts';
import { startTestCluster } from './test-cluster.ts';

/** Jest runs this once before the first test that needs more than the process itself. */
export default async function setUp(): Promise<void> {
  await prepareBrowser();
  await startTestCluster();
}
