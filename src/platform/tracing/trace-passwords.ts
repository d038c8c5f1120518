import type { PasswordHasher } from '../passwords.ts';
import { asPart, type StartPart } from './parts.ts';

/** Makes hashing a part of the request that waits for it, the waiting for its turn included. */
export function tracePasswords(passwords: PasswordHasher, startPart: StartPart): PasswordHasher {
  const start = (name: string) => startPart(name, { kind: 'internal' });
  return {
    hash: (password) => asPart(start('argon2 hash'), () => passwords.hash(password)),
    verify: (password, stored) => asPart(start('argon2 verify'), () => passwords.verify(password, stored)),
    load: () => passwords.load(),
  };
}
