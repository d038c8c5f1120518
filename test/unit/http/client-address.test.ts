import { describe, expect, it } from '@jest/globals';
import { addressGroup, clientAddress, trustProxies } from '../../../src/http/client-address.ts';

const nobody = trustProxies([]);
const proxies = trustProxies(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

describe('the address of a caller', () => {
  it.each([
    ['the peer itself', '203.0.113.9', undefined, '203.0.113.9'],
    ['an IPv4 peer on an IPv6 socket', '::ffff:203.0.113.9', undefined, '203.0.113.9'],
    ['a link-local peer with its zone', 'fe80::1%eth0', undefined, 'fe80::1'],
    ['nothing, when the socket is gone', undefined, undefined, 'unknown'],
  ])('%s', (_, peer, forwarded, expected) => {
    expect(clientAddress(peer, forwarded, nobody)).toBe(expected);
  });

  it.each([
    ['from a stranger the header counts for nothing', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['from a proxy the last address counts', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['proxies in a row are passed over', '10.1.2.3', '198.51.100.1, 192.0.2.7, 10.9.9.9', '198.51.100.1'],
    ['what the caller itself forged stands further left and is not reached', '10.1.2.3', '127.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['an entry that is no address ends the search at the proxy', '10.1.2.3', '198.51.100.1, not-an-address', '10.1.2.3'],
    ['an empty header is none', '10.1.2.3', '', '10.1.2.3'],
    ['octal and hex spellings are no addresses', '10.1.2.3', '0177.0.0.1', '10.1.2.3'],
    ['a decimal number is no address', '10.1.2.3', '2130706433', '10.1.2.3'],
    ['an IPv6 proxy', 'fd00::1', '2001:db8::5', '2001:db8::5'],
    ['a single trusted address is one address', '192.0.2.8', '198.51.100.1', '192.0.2.8'],
  ])('ABUSE-29, ABUSE-57: %s', (_, peer, forwarded, expected) => {
    expect(clientAddress(peer, forwarded, proxies)).toBe(expected);
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
    ['unknown', 'unknown'],
  ])('ABUSE-10: %s counts as %s', (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });
});
