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
  const make = async (command: BareCommand) => {
    child.send(command);
    const [answer] = (await Promise.race([once(child, 'message'), gone])) as [{ made: string[] }];
    return answer.made;
  };
  return {
    name: 'bare engine',
    origin: `http://127.0.0.1:${port}`,
    processId: child.pid as number,
    workers: 1,
    makeCodes: (request, count) => make({ make: 'codes', request, count }),
    makeQuestions: async (request, count) => ({
      authorization: await registerAsker(`http://127.0.0.1:${port}`),
      tokens: await make({ make: 'tokens', request, count }),
    }),
    makeMachines: (count) => Promise.all(Array.from({ length: count }, () => registerMachine(`http://127.0.0.1:${port}`))),
    stop: async () => {
      if (child.connected) child.disconnect();
      await ended(child);
    },
  };
}

/** A client with a secret, which may ask about everybody's tokens here. */
function registerAsker(origin: string): Promise<string> {
  return register(origin, { redirect_uris: ['https://asker.example/callback'], token_endpoint_auth_method: 'client_secret_basic' });
}

function registerMachine(origin: string): Promise<string> {
  return register(origin, { redirect_uris: [], response_types: [], grant_types: ['client_credentials'] });
}

async function register(origin: string, metadata: object): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${origin}/reg`, { method: 'POST', headers, body: JSON.stringify(metadata) });
  if (!answer.ok) throw new Error(`the bare engine registers nobody: ${await answer.text()}`);
  const { client_id: id, client_secret: secret } = (await answer.json()) as { client_id: string; client_secret: string };
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
}
