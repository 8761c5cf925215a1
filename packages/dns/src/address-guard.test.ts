import { describe, expect, it } from 'vitest';
import { addressRefusal, isDeliverable } from './address-guard.ts';

describe('addressRefusal', () => {
  it('MX-06 refuses special IPv4 addresses in every IPv6 form that carries them', () => {
    const special = [
      '0.0.0.0',
      '0.1.2.3',
      '10.0.0.1',
      '10.255.255.255',
      '100.64.0.1',
      '127.0.0.1',
      '127.255.255.254',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
      '192.0.0.192',
      '192.168.0.1',
      '198.18.0.1',
      '224.0.0.1',
      '239.255.255.255',
      '240.0.0.1',
      '255.255.255.255',
      '168.63.129.16',
    ];
    for (const address of special) {
      const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
      const hex = (x: number, y: number) => ((x << 8) | y).toString(16);
      const inverse = `${hex(a ^ 255, b ^ 255)}:${hex(c ^ 255, d ^ 255)}`;
      const forms = [
        address,
        `::ffff:${address}`,
        `::${address}`,
        `::ffff:0:${hex(a, b)}:${hex(c, d)}`,
        `64:ff9b::${hex(a, b)}:${hex(c, d)}`,
        `2002:${hex(a, b)}:${hex(c, d)}::1`,
        `2001:0:${hex(a, b)}:${hex(c, d)}:0:0:3fff:fdd2`,
        `2001:0:c000:204:0:0:${inverse}`,
      ];
      for (const form of forms) expect(isDeliverable(form), form).toBe(false);
    }
  });

  it('MX-06 refuses special IPv6 addresses', () => {
    for (const address of [
      '::',
      '::1',
      'fe80::1',
      'febf::1',
      'fc00::1',
      'fd00:ec2::254',
      'ff02::1',
      'fec0::1',
      '100::1',
      '64:ff9b:1::1',
      '2001:2::1',
    ]) {
      expect(isDeliverable(address), address).toBe(false);
    }
  });

  it('MX-06 lets public addresses through, on either side of each border', () => {
    for (const address of [
      '1.0.0.1',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '126.255.255.255',
      '128.0.0.0',
      '169.253.255.255',
      '169.255.0.0',
      '172.15.255.255',
      '172.32.0.0',
      '192.167.255.255',
      '192.169.0.0',
      '223.255.255.255',
      '192.0.2.1',
      '2001:db8::1',
      '2a00::1',
      '64:ff9b::102:304',
      '2002:102:304::1',
      '::ffff:1.2.3.4',
    ]) {
      expect(addressRefusal(address), address).toBeUndefined();
    }
  });

  it('MX-06 opens what the allow-list names, and nothing else', () => {
    const allow = ['127.0.0.0/8', 'fd00::/8', '10.1.2.3'];
    for (const address of ['127.9.9.9', '::ffff:127.0.0.1', '64:ff9b::7f00:1', 'fd12::1', '10.1.2.3']) {
      expect(isDeliverable(address, allow), address).toBe(true);
    }
    for (const address of ['10.1.2.4', '::1', 'fc00::1', '169.254.169.254'])
      expect(isDeliverable(address, allow), address).toBe(false);
    expect(() => isDeliverable('10.0.0.1', ['10.0.0.0/33'])).toThrow(
      expect.objectContaining({ code: 'MB_DNS_OPTION' }),
    );
  });

  it('MX-06 refuses text that is no plain address, however some parsers read it', () => {
    for (const text of [
      '',
      '127.1',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '2130706433',
      'localhost',
      'fe80::1%eth0',
      '1.2.3.4 ',
      '[::1]',
    ]) {
      expect(isDeliverable(text), text).toBe(false);
    }
    expect(addressRefusal('64:ff9b::7f00:1')).toBe('64:ff9b::7f00:1 carries 127.0.0.1, which is loopback');
  });
});
