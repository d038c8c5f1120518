import { lookup, Resolver } from 'node:dns/promises';

/** One address of a name. */
export interface ResolvedAddress {
  address: string;
  /** 4 or 6. */
  family: number;
}

/** As every program on this machine resolves names: hosts file, local names, DNS. */
export function resolveBySystem(name: string): Promise<ResolvedAddress[]> {
  return lookup(name, { all: true, verbatim: true });
}

/**
 * By DNS alone, in bounded time and off the thread pool. The system's resolver blocks one of node's four threads for as long as a
 * name server takes, so a stranger with a slow one would hold up password hashing and files for everyone.
 */
export async function resolveByDns(name: string): Promise<ResolvedAddress[]> {
  const resolver = new Resolver({ timeout: 1_500, tries: 2 });
  const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  if (four.status === 'rejected' && six.status === 'rejected') throw four.reason;
  const listed = (result: PromiseSettledResult<string[]>, family: number) =>
    result.status === 'fulfilled' ? result.value.map((address) => ({ address, family })) : [];
  return [...listed(four, 4), ...listed(six, 6)];
}
