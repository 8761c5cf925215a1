import { isIP } from 'node:net';
import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { parseAddressLiteral } from '../../src/address-literal.ts';
import { isDeliverable } from '../../src/index.ts';
import { parseResolvConf } from '../../src/system-config.ts';

const timeout = mutationTimeoutMs;

it(`MUT-01 parseAddressLiteral gives an address or undefined, and isDeliverable says yes or no: ${mutationCount} literals`, {
  timeout,
}, async () => {
  await mutateText({
    name: 'parseAddressLiteral',
    samples: ['[192.0.2.1]', '[IPv6:2001:db8::1]', '[IPv6:::ffff:192.0.2.1]'],
    words: ['[', ']', 'IPv6:', '::', ':', '.', '0x7f', '%1', '/8', '00'],
    check(text) {
      const found = parseAddressLiteral(text);
      expect(typeof isDeliverable(text.replace(/^\[|\]$/g, ''))).toBe('boolean');
      if (found === undefined) return 'refused';
      expect(isIP(found.address)).toBe(found.family);
      return 'accepted';
    },
  });
});

it(`MUT-01 parseResolvConf gives servers, whatever the file says: ${mutationCount} files`, {
  timeout,
}, async () => {
  await mutateText({
    name: 'parseResolvConf',
    samples: [
      '# local\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\noptions edns0 trust-ad timeout:2 attempts:3\nsearch example.com\n',
    ],
    words: ['nameserver ', 'options ', '\n', ' ', '%', ':', 'timeout:', 'attempts:', '-1', '#', ';', '\t'],
    check(text) {
      const { servers } = parseResolvConf(text);
      return servers.length > 0 ? 'accepted' : 'refused';
    },
  });
});
