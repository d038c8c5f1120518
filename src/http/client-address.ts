/** The address a request came from, when proxies stand between. A header is believed only from a proxy that the operator listed. */
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Networks whose forwarding headers are believed. */
export interface TrustedProxies {
  includes(address: Address): boolean;
}

/** Reads addresses and CIDR networks. Throws on anything else; the configuration has checked them. */
export function trustProxies(networks: readonly string[]): TrustedProxies {
  const ranges = networks.map((network): [Address, number] => {
    if (network.includes('/')) return ipaddr.parseCIDR(network);
    const address = ipaddr.process(network);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  });
  return {
    includes: (address) =>
      ranges.some(([range, bits]) => range.kind() === address.kind() && address.match([range, bits] as [ipaddr.IPv4, number])),
  };
}

/**
 * Finds the caller's address: the peer itself, unless it is a trusted proxy; then the rightmost forwarded address that is not
 * one. An entry that is no address ends the search at the last one that is, because a forged part must not hide the true one.
 */
export function clientAddress(peer: string | undefined, forwardedFor: string | undefined, trusted: TrustedProxies): string {
  let address = parseAddress(peer ?? '');
  if (!address) return 'unknown';
  const hops = (forwardedFor ?? '').split(',').map((hop) => hop.trim());
  while (trusted.includes(address)) {
    const next = parseAddress(hops.pop() ?? '');
    if (!next) break;
    address = next;
  }
  return address.toString();
}

/** Whether the peer itself is a proxy that the operator listed. */
export function isTrusted(peer: string | undefined, trusted: TrustedProxies): boolean {
  const address = parseAddress(peer ?? '');
  return address !== undefined && trusted.includes(address);
}

/** What counts as one caller for limits: an IPv4 address, or an IPv6 network of 64 bits, which one household has to itself. */
export function addressGroup(address: string): string {
  const parsed = parseAddress(address);
  if (!parsed || parsed.kind() === 'ipv4') return address;
  return `${(parsed as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}

/** Strict forms only: octal, hex and shortened spellings of IPv4 are no addresses here. */
function parseAddress(text: string): Address | undefined {
  const bare = text.replace(/%.*$/, '');
  if (!ipaddr.IPv4.isValidFourPartDecimal(bare) && !ipaddr.IPv6.isValid(bare)) return undefined;
  return ipaddr.process(bare);
}
