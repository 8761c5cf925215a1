import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { formatExplanation } from '../../src/index.ts';
import { startLab } from '../lab.ts';

it('explains the whole plan without connecting to any mail host', async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.13.1', tls: true }, mx2: { address: '127.0.13.2', tls: true } },
    records: { one: { MX: ['20 mx2.test', '10 mx1.test'] }, none: { MX: '0 .' } },
    authentic: true,
    tlsa: { mx1: 'right' },
    broker: () => ({
      dkim: { domain: 'sender.test', selector: 's1', privateKey },
      dkimCheck: 'off' as const,
      delivery: { sources: [{ name: 'out7', localAddresses: ['127.0.0.1'] }] },
    }),
  });
  const explanation = await lab.broker.explain({
    from: 'ann@sender.test',
    to: ['bob@one.test', 'nobody@none.test'],
    cc: 'carol@one.test',
    subject: 'Plan',
    text: 'Hello',
  });
  expect(explanation).toMatchObject({
    from: 'ann@sender.test',
    requires: [],
    signatures: [{ domain: 'sender.test', selector: 's1', algorithm: 'ed25519-sha256' }],
    deliveries: [
      {
        domain: 'one.test',
        recipients: ['bob@one.test', 'carol@one.test'],
        via: 'mx',
        port: lab.port,
        source: 'out7',
        hosts: [
          { name: 'mx1.test', preference: 10, addresses: ['127.0.13.1'], security: { basis: 'dane' } },
          {
            name: 'mx2.test',
            preference: 20,
            addresses: ['127.0.13.2'],
            security: { basis: 'opportunistic' },
          },
        ],
      },
      { domain: 'none.test', hosts: [], failure: { status: 'permanent', enhancedCode: '5.1.10' } },
    ],
  });
  const text = formatExplanation(explanation);
  expect(text).toContain('1. mx1.test (10)  127.0.13.1\n     TLS dane: 1 usable TLSA record at mx1.test');
  expect(text).toContain('Signed by  s1._domainkey.sender.test (ed25519-sha256)');
  expect(lab.hosts.mx1!.sessions).toHaveLength(0);
  expect(lab.hosts.mx2!.sessions).toHaveLength(0);
});
