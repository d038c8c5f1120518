import type { Command } from 'commander';
import type { KeyOverview } from '../../services/list-keys.ts';
import type { Io } from '../io.ts';
import { group, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, table } from '../plain-text.ts';

/** Signing keys. */
export function addKeysCommands(program: Command, io: Io): void {
  const keys = group(program, 'keys', 'the keys that tokens are signed with');
  tenantLeaf(keys, 'list', 'list the signing keys; private parts are never shown').action(
    inOffice(io, async ({ runtime, tenant }) => {
      const { listKeys } = await import('../../services/list-keys.ts');
      const all = await listKeys(runtime, tenant);
      const none = 'There is no key yet: the first start of the issuer makes one.';
      return { json: all, text: all.length > 0 ? table(['KEY', 'ALGORITHM', 'STATE', 'PUBLISHED', 'WHAT COMES'], all.map(toRow)) : none };
    }),
  );
  tenantLeaf(keys, 'rotate', 'let the next key sign, as soon as every reader of the published keys has it')
    .option('--leaked', 'at once, and withdraw the present key: every token that it signed is refused from now on')
    .action(
      inOffice(io, async ({ runtime, tenant, origin }, { options }) => {
        const { rotateKeys } = await import('../../services/rotate-keys.ts');
        const isLeaked = options['leaked'] === true;
        const { signs, waits, hasChanged } = await rotateKeys(runtime, tenant, { isLeaked, origin });
        return {
          json: { signs, waits, hasChanged },
          text: isLeaked ? explainWithdrawal(signs) : hasChanged ? explainChange(signs) : explainWaiting(waits),
        };
      }),
    );
  tenantLeaf(keys, 'reseal', 'encrypt with TOOLGRANT_SECRET what TOOLGRANT_SECRET_PREVIOUS still encrypts, in all tenants').action(
    inOffice(io, async ({ runtime }) => {
      const { resealSecrets } = await import('../../services/reseal-secrets.ts');
      const { resealed, unopened } = await resealSecrets(runtime);
      const done = `${resealed} ${resealed === 1 ? 'value was' : 'values were'} encrypted anew.`;
      const rest =
        unopened === 0
          ? 'TOOLGRANT_SECRET_PREVIOUS is no longer needed, once no instance runs with the old secret as its present one.'
          : `${unopened} open with neither secret: bring back the one they were made with.`;
      return { json: { resealed, unopened }, text: `${done}\n${rest}` };
    }),
  );
}

function toRow({ kid, algorithm, state, createdAt, ...key }: KeyOverview): string[] {
  return [kid, algorithm, state, minute(createdAt), whatComes({ state, ...key })];
}

function whatComes({
  state,
  changesAt,
  signsFrom,
  retiredAt,
}: Pick<KeyOverview, 'state' | 'changesAt' | 'signsFrom' | 'retiredAt'>): string {
  switch (state) {
    case 'next':
      return changesAt ? `signs from ${minute(changesAt)}` : 'waits';
    case 'current':
      return signsFrom ? `signs since ${minute(signsFrom)}` : 'signs';
    case 'retiring':
      return changesAt ? `published until ${minute(changesAt)}` : 'published still';
    case 'retired':
      return retiredAt ? `withdrawn ${minute(retiredAt)}` : 'withdrawn';
  }
}

function explainChange(signs: KeyOverview): string {
  return `${signs.kid} signs from now on. The key before it stays published until nothing that it signed counts any more.`;
}

function explainWaiting(waits: KeyOverview): string {
  return (
    `${waits.kid} is published already and signs from ${waits.changesAt ? minute(waits.changesAt) : 'soon'}: readers of the keys may have a copy ` +
    'that is some minutes old. Nothing is left to do.'
  );
}

function explainWithdrawal(signs: KeyOverview): string {
  return (
    `${signs.kid} signs from now on. The key before it is withdrawn and erased: resource servers refuse its tokens as soon as they read ` +
    'the keys anew, within five minutes, and clients get new ones by refreshing.'
  );
}
