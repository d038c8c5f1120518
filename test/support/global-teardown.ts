import { stopTestCluster } from './test-cluster.ts';

/** Jest runs this once, after the last test. */
export default async function tearDown(): Promise<void> {
  await stopTestCluster();
}
