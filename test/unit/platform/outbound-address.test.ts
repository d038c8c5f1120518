import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isAddressAllowed } from '../../../src/platform/outbound-address.ts';

const stranger = { profile: 'stranger', allowLoopback: false } as const;
const admin = { profile: 'admin', allowLoopback: false } as const;
const developer = { profile: 'admin', allowLoopback: true } as const;

const loopback = ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'];
const privateNetworks = [
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  'fd12:3456::1',
  '::ffff:10.1.2.3',
  '64:ff9b::a00:1',
];
const never = [
  ...[
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '169.254.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '192.0.2.1',
    '198.18.0.1',
    '192.0.0.192',
  ],
  ...[
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2001:0:1::1',
    '::7f00:1',
    '100::1',
    '3fff::1',
  ],
  ...['::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', 'fd00:ec2::254', 'fd20:ce::254', '168.63.129.16', '100.100.100.200'],
  ...['', 'localhost', 'example.com', '1.2.3.4.5', '[::1]'],
];
const publicAddresses = ['1.1.1.1', '8.8.8.8', '93.184.216.34', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'];

describe('which addresses an outbound request may reach', () => {
  it.each([...loopback, ...privateNetworks, ...never])('ABUSE-12: a stranger may not make us reach %p', (address) => {
    expect(isAddressAllowed(address, stranger)).toBe(false);
  });

  it.each(publicAddresses)('anyone may make us reach %p', (address) => {
    expect([stranger, admin, developer].map((policy) => isAddressAllowed(address, policy))).toEqual([true, true, true]);
  });

  it.each(privateNetworks)('an admin may name %p', (address) => {
    expect(isAddressAllowed(address, admin)).toBe(true);
  });

  it.each(loopback)('an admin may name %p only where the issuer itself is on loopback', (address) => {
    expect([isAddressAllowed(address, admin), isAddressAllowed(address, developer)]).toEqual([false, true]);
  });

  it.each(never)('nobody may make us reach %p', (address) => {
    expect(isAddressAllowed(address, developer)).toBe(false);
  });

  it('says the same of an IPv4 address and its mapped form, whichever it is', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        for (const policy of [stranger, admin, developer]) {
          expect(isAddressAllowed(`::ffff:${address}`, policy)).toBe(isAddressAllowed(address, policy));
        }
      }),
    );
  });

  it('lets a stranger reach nothing that an admin may not', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        expect(isAddressAllowed(address, stranger) && !isAddressAllowed(address, admin)).toBe(false);
      }),
    );
  });
});
