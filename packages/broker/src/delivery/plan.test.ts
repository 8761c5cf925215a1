import { expect, it } from 'vitest';
import { planRecipients } from './plan.ts';

function summary(
  recipients: readonly string[],
  maxRecipients = 100,
  hopOf: (domain: string) => string | undefined = () => undefined,
) {
  return planRecipients(recipients, { maxRecipients, hopOf }).deliveries.map(
    ({ domain, recipients }) => `${domain}: ${recipients.map(({ index }) => index).join(' ')}`,
  );
}

it('BRK-11 groups recipients by domain, and mail exchangers get one domain in an envelope', () => {
  expect(summary(['a@example.com', 'b@example.org', 'c@EXAMPLE.com'])).toEqual([
    'example.com: 0 2',
    'example.org: 1',
  ]);
});

it('groups U-labels with their A-labels', () => {
  expect(summary(['a@faß.test', 'b@xn--fa-hia.test'])).toEqual(['xn--fa-hia.test: 0 1']);
});

it('gives one copy to an address that is given twice, once of them quoted', () => {
  const plan = planRecipients(['joe@example.com', '"joe"@Example.com', 'Joe@example.com'], {
    maxRecipients: 100,
    hopOf: () => undefined,
  });
  expect(plan.deliveries).toEqual([
    {
      domain: 'example.com',
      recipients: [
        { address: 'joe@example.com', domain: 'example.com', index: 0 },
        { address: 'Joe@example.com', domain: 'example.com', index: 2 },
      ],
    },
  ]);
  expect(plan.firstIndex).toEqual([0, 0, 2]);
});

it('BRK-13 puts no more recipients into an envelope than allowed', () => {
  const three = ['a@example.com', 'b@example.com', 'c@example.com'];
  expect(summary(three, 2)).toEqual(['example.com: 0 1', 'example.com: 2']);
  expect(summary(three, 1)).toEqual(['example.com: 0', 'example.com: 1', 'example.com: 2']);
});

it('keeps an address literal as a domain of its own', () => {
  expect(summary(['a@[192.0.2.1]', 'b@[IPv6:2001:db8::1]'])).toEqual([
    '[192.0.2.1]: 0',
    '[ipv6:2001:db8::1]: 1',
  ]);
});

it('HOP-01 puts domains of one configured next hop into one envelope', () => {
  const hopOf = (domain: string) => (domain === 'example.net' ? undefined : 'relay');
  expect(summary(['a@example.com', 'b@example.net', 'c@example.org'], 100, hopOf)).toEqual([
    'example.com: 0 2',
    'example.net: 1',
  ]);
  expect(summary(['a@example.com', 'b@example.org'], 1, hopOf)).toEqual(['example.com: 0', 'example.org: 1']);
});
