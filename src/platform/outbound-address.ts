import ipaddr from 'ipaddr.js';

/**
 * Whom an outbound request may reach.
 * - `stranger`: the URL came from someone we know nothing of (client metadata documents, their keys): public addresses only.
 * - `admin`: an admin typed it (MCP servers, identity providers): private networks too, never what only the machine itself can see.
 */
export type OutboundProfile = 'stranger' | 'admin';

/** Which addresses are allowed. */
export interface AddressPolicy {
  profile: OutboundProfile;
  /** Whether `admin` may reach this machine: only where the issuer itself is there, on a developer's machine. */
  allowLoopback: boolean;
}

/** Public by range, yet answered by the cloud's own machinery for the machine that asks. */
const metadataAddresses = ['168.63.129.16', '100.100.100.200', '169.254.169.254', 'fd00:ec2::254', 'fd20:ce::254', 'fe80::a9fe:a9fe'].map(
  (text) => ipaddr.process(text).toNormalizedString(),
);

const privateRanges = ['private', 'uniqueLocal', 'carrierGradeNat'];

/** Whether a connection to `text` (an IPv4 or IPv6 address) may be made. What cannot be read as an address may not. */
export function isAddressAllowed(text: string, policy: AddressPolicy): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = unwrap(ipaddr.process(text));
  if (metadataAddresses.includes(address.toNormalizedString())) return false;
  const range = address.range();
  // Of IPv6, only 2000::/3 is given out for public use; what lies outside and has no name of its own is no public address.
  if (range === 'unicast') return address.kind() === 'ipv4' || ((address.toByteArray()[0] ?? 0) & 0xe0) === 0x20;
  if (policy.profile === 'stranger') return false;
  return privateRanges.includes(range) || (range === 'loopback' && policy.allowLoopback);
}

/** An IPv4 address inside an IPv6 one that a NAT64 gateway would translate back; `ipaddr.process` did those that are mapped. */
function unwrap(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address.kind() === 'ipv4' || address.range() !== 'rfc6052') return address;
  return new ipaddr.IPv4(address.toByteArray().slice(-4));
}
