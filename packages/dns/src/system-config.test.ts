import { describe, expect, it } from 'vitest';
import { parseResolvConf, readSystemConfig } from './system-config.ts';

describe('parseResolvConf', () => {
  it('DNS-64 reads servers, and whether the administrator vouches for their AD bit', () => {
    const text =
      '# comment\nsearch example.test\nnameserver 192.0.2.53\n nameserver\t2001:db8::53 \nnameserver fe80::1%eth0\noptions ndots:1 trust-ad\n';
    expect(parseResolvConf(text)).toEqual({
      servers: ['192.0.2.53', '2001:db8::53', 'fe80::1%eth0'],
      trustAuthenticData: true,
    });
    expect(parseResolvConf('options edns0\n')).toEqual({ servers: ['127.0.0.1'], trustAuthenticData: false });
  });

  it('asks node where there is no such file', () => {
    expect(readSystemConfig('/nonexistent/resolv.conf').trustAuthenticData).toBe(false);
  });
});
