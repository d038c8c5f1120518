/**
 * A process that holds an embedded database, to be killed by tests. Usage: `node database-holder.ts <JSON options>`.
 * It says what happens in lines of JSON and obeys `stop` and `fault` on standard input. It imports the product from
 * `options.checkout`, so that a copied checkout can be tried, and nothing from npm.
 */
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type * as Product from '../../src/platform/embedded-database.ts';

const options = JSON.parse(process.argv[2] as string) as {
  checkout: string;
  folder: string;
  entry: 'startEmbeddedDatabase' | 'connectOrStartEmbeddedDatabase';
  purpose: Product.DataFolderPurpose;
  waitMs?: number;
};
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const product = (await import(pathToFileURL(`${options.checkout}/src/platform/embedded-database.ts`).href)) as typeof Product;

process.on('SIGINT', () => say({ event: 'interrupted' }));
try {
  const database = await product[options.entry]({ ...options, onNotice: (text) => say({ event: 'notice', text }) });
  say({ event: 'ready', ownerUrl: database.ownerUrl, runtimeUrl: database.runtimeUrl });
  for await (const command of createInterface(process.stdin)) {
    if (command === 'fault') throw new Error('a fault nobody catches');
    await database.stop();
    say({ event: 'stopped' });
    process.exit(0);
  }
} catch (error) {
  if ((error as Error).message.startsWith('a fault')) throw error;
  say({ event: 'failed', name: (error as Error).name, text: (error as Error).message });
  process.exit(1);
}
