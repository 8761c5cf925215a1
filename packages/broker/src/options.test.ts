import { describe, expect, it } from 'vitest';
import { type BrokerOptions, MailBroker } from './index.ts';

const smarthost = (host: unknown) => ({ routes: { '*': { type: 'smarthost', host } } }) as never;

describe('SAFE-24 options that name nothing', () => {
  it.each<[string, Partial<BrokerOptions>]>([
    ['dkim', { dkim: [] }],
    ['tls.ca', { tls: { ca: [] } }],
    ['tls.ca', { tls: { ca: '' } }],
    ['delivery.families', { delivery: { families: [] } }],
    ['delivery.sources', { delivery: { sources: [] } }],
    ['delivery.sources[0].localAddresses', { delivery: { sources: [{ name: 'x' } as never] } }],
    ['delivery.sources[0].localAddresses', { delivery: { sources: [{ name: 'x', localAddresses: [] }] } }],
    ['delivery.routes["*"].host', { delivery: smarthost('') }],
    ['delivery.routes["*"].host', { delivery: smarthost(undefined) }],
  ])('refuses %s: empty is not absent', (name, options) => {
    let refusal: unknown;
    try {
      new MailBroker({ hostname: 'mail.example.com', ...options });
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({
      code: 'MB_BROKER_OPTION',
      message: expect.stringMatching(new RegExp(`options\\.${name.replace(/[.*[\]]/g, '\\$&')}`)),
    });
  });
});

const made = (delivery: unknown) => () =>
  new MailBroker({ hostname: 'mail.example.com', delivery: delivery as never });
const withAuth = (auth: unknown) =>
  made({ routes: { '*': { type: 'smarthost', host: 'relay.example.net', auth } } });

it.each([
  [{}, 'must have either a password or an accessToken'],
  [{ user: 'ann' }, 'must have either a password or an accessToken'],
  [{ user: '', password: 'secret' }, 'user and secret must be strings'],
  [{ user: 'ann', password: '' }, 'user and secret must be strings'],
  [{ user: 'ann', password: 'secret', mechanisms: ['XOAUTH2'] }, 'these credentials allow only'],
  [{ user: 'ann', password: 'secret', mechanisms: [] }, 'must be an array of at least 1'],
])('OPT-07 refuses credentials of a route that could never be used: %j', (auth, reason) => {
  expect(withAuth(auth)).toThrow(
    expect.objectContaining({
      code: 'MB_BROKER_OPTION',
      message: expect.stringMatching(
        new RegExp(`^MailBroker: options\\.delivery\\.routes\\["\\*"\\]\\.auth.*${reason}`),
      ),
    }),
  );
});

it.each(['', '.', 'exa mple.org', 'a..b', 'ann@example.org', '*.example.org', '.*'])(
  'OPT-12 refuses a route for %j, which is no domain',
  (domain) => {
    expect(made({ routes: { [domain]: { type: 'mx' } } })).toThrow(/a route is for a domain/);
  },
);

it('OPT-13 refuses two routes for one domain', () => {
  const routes = { 'Example.org': { type: 'mx' }, 'example.org.': { type: 'mx' } };
  expect(made({ routes })).toThrow(/two routes for example\.org/);
});

it('OPT-09 refuses two sources of one name', () => {
  const sources = [
    { name: 'a', localAddresses: ['192.0.2.1'] },
    { name: 'a', localAddresses: ['192.0.2.2'] },
  ];
  expect(made({ sources })).toThrow(/two sources are called "a"/);
});
