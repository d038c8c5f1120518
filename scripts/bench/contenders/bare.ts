import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Cores, nodeOnServerCore } from '../cores.ts';
import type { BareCommand } from './bare-process.ts';
import { type Contender, ended } from './contender.ts';
import { findFreePort } from './free-port.ts';

/** Starts the bare engine. Codes are made inside its process, by the engine's own classes. */
export async function startBareEngine(cores: Cores | undefined): Promise<Contender> {
  const port = await findFreePort();
  const { command, args } = nodeOnServerCore(cores, ['--no-warnings', join(import.meta.dirname, 'bare-process.ts'), String(port)]);
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
  });
  const gone = ended(child).then(() => {
    throw new Error('the bare engine ended by itself');
  });
  gone.catch(() => undefined);
  await Promise.race([once(child, 'message'), gone]);
  return {
    name: 'bare engine',
    origin: `http://127.0.0.1:${port}`,
    processId: child.pid as number,
    makeCodes: async (request, count) => {
      child.send({ request, count } satisfies BareCommand);
      const [answer] = (await Promise.race([once(child, 'message'), gone])) as [{ codes: string[] }];
      return answer.codes;
    },
    stop: async () => {
      if (child.connected) child.disconnect();
      await ended(child);
    },
  };
}
