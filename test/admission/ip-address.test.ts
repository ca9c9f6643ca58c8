// The spelling of addresses, the address that each counts as, and the networks that contain them.

import { describe, expect, it } from 'vitest';
import { addressHolder, isCidr, Networks, normalizeAddress } from '../../src/admission/ip-address.ts';

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0000:0000:0000:0000:0000:ffff:7f00:0001', '127.0.0.1'],
    ['2001:0DB8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::', '::'],
    ['', undefined],
    ['192.0.2.1:80', undefined],
    ['[::1]', undefined],
    ['192.0.2.256', undefined],
    ['localhost', undefined],
  ])('reads %j as %j', (text, address) => {
    expect(normalizeAddress(text)).toBe(address);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::8', '1:0:0:0::/64'],
    ['::2:3:4:5:6:7:8', '0:2:3:4::/64'],
    ['::1.2.3.4', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
  ])('counts %s as %s', (address, holder) => {
    expect(addressHolder(address)).toBe(holder);
  });
});

describe('networks', () => {
  it('contain the addresses of their prefixes, and no others', () => {
    const networks = new Networks(['10.0.0.0/8', '192.0.2.7/32', '2001:db8::/33', '::1/128']);
    for (const address of ['10.1.2.3', '192.0.2.7', '2001:db8:7fff::1', '::1'])
      expect(networks.has(address)).toBe(true);
    for (const address of ['11.0.0.0', '192.0.2.8', '2001:db8:8000::1', '::2', '::']) {
      expect(networks.has(address)).toBe(false);
    }
    expect(new Networks([]).has('10.1.2.3')).toBe(false);
    expect(new Networks(['0.0.0.0/0']).has('::1')).toBe(false);
    expect(new Networks(['0.0.0.0/0']).has('203.0.113.9')).toBe(true);
  });

  it('require a prefix that fits their family', () => {
    for (const good of ['0.0.0.0/0', '::/0', '10.0.0.1/32', 'fd00::/128']) expect(isCidr(good)).toBe(true);
    for (const bad of ['10.0.0.1', '10.0.0.1/33', '::/129', '1.2.3/8', '/8', '::ffff:1.2.3.4/128']) {
      expect(isCidr(bad)).toBe(false);
    }
  });
});
