import type { Command } from 'commander';
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
      const rows = all.map(({ kid, algorithm, state, createdAt }) => [kid, algorithm, state, minute(createdAt)]);
      const none = 'There is no key yet: the first start of the issuer makes one.';
      return { json: all, text: all.length > 0 ? table(['KEY', 'ALGORITHM', 'STATE', 'MADE'], rows) : none };
    }),
  );
}
