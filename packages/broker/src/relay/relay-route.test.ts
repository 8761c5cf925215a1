import { expect, it } from 'vitest';
import { BrokerError } from '../errors.ts';
import { relayRoute, wellKnownRelay } from './relay-route.ts';

const cases = [
  [
    'smtps://ann:p%40ss@smtp.example.com',
    { host: 'smtp.example.com', implicitTls: true, auth: { user: 'ann', password: 'p@ss' } },
  ],
  ['smtp://smtp.example.com:2525?tls=none', { host: 'smtp.example.com', port: 2525, tls: 'none' }],
  ['smtp://192.0.2.1', { host: '[192.0.2.1]' }],
  ['smtp://[2001:db8::1]:587/', { host: '[IPv6:2001:db8::1]', port: 587 }],
] as const;

it.each(cases)('RLY-01 reads the URL %s', (url, route) => {
  expect(relayRoute(url)).toEqual({ type: 'smarthost', ...route });
});

const wrong = [
  'smtp.example.com',
  'http://ann:secret@smtp.example.com',
  'smtp://ann@smtp.example.com',
  'smtp://:secret@smtp.example.com',
  'smtp://smtp.example.com/path',
  'smtp://smtp.example.com?pool=true',
  'smtp://smtp.example.com?tls=maybe',
  'smtp://ann:%zz@smtp.example.com',
];

it.each(wrong)('RLY-02 RLY-12 refuses %s, and repeats no password', (url) => {
  const error = (() => {
    try {
      return relayRoute(url);
    } catch (reason) {
      return reason as Error;
    }
  })();
  expect(BrokerError.isInstance(error) && error.code).toBe('MB_BROKER_OPTION');
  expect((error as Error).message).not.toContain('secret');
});

it('RLY-03 takes relays by name from the list of nodemailer', async () => {
  const auth = { user: 'ann', password: 'secret' };
  expect(await wellKnownRelay('Gmail', auth)).toEqual({
    type: 'smarthost',
    host: 'smtp.gmail.com',
    port: 465,
    implicitTls: true,
    auth,
  });
  await expect(wellKnownRelay('No such service', auth)).rejects.toMatchObject({ code: 'MB_BROKER_OPTION' });
});
