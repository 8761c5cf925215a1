import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { guardedLookup } from './guarded-lookup.ts';
import { createMemoryResolver } from './memory.ts';

const refused = (message: RegExp) =>
  expect.objectContaining({ code: 'MB_DNS_ADDRESS_REFUSED', message: expect.stringMatching(message) });

describe('guardedLookup', () => {
  it.each([
    ['127.0.0.1', /loopback/],
    ['[::1]', /loopback/],
    ['10.1.2.3', /private/],
    ['169.254.169.254', /link-local/],
    ['[::ffff:192.168.0.1]', /private/],
  ])('DNS-08 refuses %s, which is not looked up', (host, why) => {
    expect(() => guardedLookup(host)).toThrow(refused(why));
  });

  it('DNS-75 refuses a name with an address that is not public, in both forms of the callback', async () => {
    for (const all of [true, false]) {
      const error = await new Promise((resolve) =>
        guardedLookup('localhost')('localhost', { all }, (thrown) => resolve(thrown)),
      );
      expect(error).toEqual(refused(/loopback/));
    }
  });

  it('DNS-08 connects to the address that it checked, where it is permitted', async () => {
    const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const lookup = guardedLookup('localhost', ['127.0.0.0/8', '::1']);
    const status = await new Promise((resolve, reject) =>
      request({ host: 'localhost', port, lookup, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end(),
    );
    expect(status).toBe(200);
    server.close();
  });

  it.each([
    ['private.test', refused(/10\.0\.0\.1 is private/)],
    ['mixed.test', refused(/10\.0\.0\.2 is private/)],
    ['localhost', refused(/loopback/)],
    ['www.localhost', refused(/loopback/)],
    ['none.test', expect.objectContaining({ code: 'ENOTFOUND' })],
    ['public.test', null],
  ])('DNS-08 asks a resolver for %s', async (name, expected) => {
    const resolver = createMemoryResolver({
      'private.test': { A: '10.0.0.1' },
      'mixed.test': { A: ['192.0.2.1', '10.0.0.2'] },
      'public.test': { A: '203.0.113.7' },
    });
    const answer = await new Promise<unknown[]>((resolve) =>
      guardedLookup(name, ['203.0.113.0/24'], resolver)(name, {}, (...given) => resolve(given)),
    );
    expect(answer[0]).toEqual(expected);
    if (expected === null) expect(answer).toEqual([null, '203.0.113.7', 4]);
  });

  it('DNS-08 takes a check in place of a list', () => {
    const none = (address: string) => `${address} is not on the list`;
    expect(() => guardedLookup('192.0.2.1', none)).toThrow(refused(/not on the list/));
    expect(() => guardedLookup('192.0.2.1', () => undefined)).not.toThrow();
  });
});
