import { type Command, InvalidArgumentError } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import { parseDuration } from '../../domain/duration.ts';
import { maxQuarantineSeconds } from '../../domain/quarantine.ts';
import type { Origin } from '../../services/runtime.ts';
import { clientName, clientToJson } from '../client-words.ts';
import { type Client, getClient, unknownClient } from '../find-client.ts';
import type { Io } from '../io.ts';
import { type Call, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText } from '../plain-text.ts';
import type { Report } from '../report.ts';

type ClientOffice = Office & { origin: Origin };

/** What an administrator says about a client: verified, in quarantine, blocked, and each of them taken back. */
export function addJudgementCommands(client: Command, io: Io): void {
  const about = (name: string, description: string) => tenantLeaf(client, name, description).argument('<client-id>');
  about('verify', 'say that you checked who a client is: people read it, and a quarantine ends').action(inOffice(io, verify));
  about('unverify', 'take that back').action(inOffice(io, unverify));
  about('quarantine', 'let a client use only tools that read, until it is verified')
    .option('--for <duration>', 'until then at most: 12h, 7d', readDuration)
    .action(inOffice(io, quarantine));
  about('block', 'keep a client from asking, and end everything that people allowed it').action(inOffice(io, block));
  about('unblock', 'let a blocked client ask again; what ended stays ended').action(inOffice(io, unblock));
}

function readDuration(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined || seconds === 0 || seconds > maxQuarantineSeconds) {
    throw new InvalidArgumentError('Write a number and a unit, at most 365d: 30m, 12h, 7d.');
  }
  return seconds;
}

async function verify(office: ClientOffice, call: Call): Promise<Report> {
  const { verifyClient } = await import('../../services/judge-client.ts');
  return judge(office, call, (client, about) =>
    verifyClient(office.runtime, office.tenant, about).then(
      (done) =>
        done && {
          client: done.client,
          text: done.isChanged
            ? `${client} is verified. People read "checked by whoever runs this site".`
            : `${client} was verified already.`,
        },
    ),
  );
}

async function unverify(office: ClientOffice, call: Call): Promise<Report> {
  const { unverifyClient } = await import('../../services/judge-client.ts');
  return judge(office, call, (client, about) =>
    unverifyClient(office.runtime, office.tenant, about).then(
      (done) =>
        done && {
          client: done.client,
          text: done.isChanged ? `${client} is not verified any more.` : `${client} was not verified.`,
        },
    ),
  );
}

async function quarantine(office: ClientOffice, call: Call): Promise<Report> {
  const { quarantineClient } = await import('../../services/judge-client.ts');
  const seconds = call.options['for'] as number | undefined;
  return judge(office, call, (client, about) =>
    quarantineClient(office.runtime, office.tenant, { ...about, ...(seconds !== undefined && { seconds }) }).then(
      (done) =>
        done && {
          client: done.client,
          text: `${client} is in quarantine ${untilWords(done.client)}: it may use only tools that read. What people allowed beyond that waits.`,
        },
    ),
  );
}

function untilWords({ quarantineEndsAt, id }: Client): string {
  return quarantineEndsAt ? `until ${minute(quarantineEndsAt)}` : `until "toolgrant client verify ${plainText(id)}"`;
}

async function block(office: ClientOffice, call: Call): Promise<Report> {
  const { blockClient } = await import('../../services/block-client.ts');
  const client = await getClient(office, call.args[0] ?? '');
  const done = await blockClient(office.runtime, office.tenant, { clientId: client.id, origin: office.origin });
  if (!done) throw unknownClient(client.id);
  const { consents, installations, isChanged } = done;
  const name = plainText(clientName(client));
  return {
    json: { client_id: client.id, blocked: true, consents, installations },
    text: isChanged
      ? `${name} is blocked. ${consentsHave(consents)} ended; its tokens stop within 15 seconds where a server checks the status list, within 15 minutes elsewhere.\nTo let it ask again: toolgrant client unblock ${plainText(client.id)}`
      : `${name} was blocked already.${consents > 0 ? ` ${consentsHave(consents)} ended that were left from then.` : ''}`,
  };
}

function consentsHave(count: number): string {
  return count === 1 ? '1 consent has' : `${count} consents have`;
}

async function unblock(office: ClientOffice, call: Call): Promise<Report> {
  const { unblockClient } = await import('../../services/block-client.ts');
  const client = await getClient(office, call.args[0] ?? '');
  const done = await unblockClient(office.runtime, office.tenant, { clientId: client.id, origin: office.origin });
  if (!done) throw unknownClient(client.id);
  const name = plainText(clientName(client));
  return {
    json: { client_id: client.id, blocked: false },
    text: done.isChanged ? `${name} may ask again. What people allowed it before stays ended.` : `${name} was not blocked.`,
  };
}

type Judge = (name: string, about: { clientId: Client['id']; origin: Origin }) => Promise<{ client: Client; text: string } | undefined>;

async function judge(office: ClientOffice, { args }: Call, work: Judge): Promise<Report> {
  const client = await getClient(office, args[0] ?? '');
  const done = await work(plainText(clientName(client)), { clientId: client.id, origin: office.origin });
  if (!done) throw unknownClient(client.id);
  return { json: clientToJson(done.client), text: done.text };
}
