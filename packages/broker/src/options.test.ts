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
