import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import packet from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpsResolver } from '../../src/https.ts';
import { createResolver } from '../../src/index.ts';

const url = 'https://dns.example.test/dns-query';
let answer: (query: packet.DecodedPacket, response: ServerResponse) => void;
let origin: string;
const seen: { method: string | undefined; type: string | undefined; id: number | undefined }[] = [];

const server = createServer(async (request: IncomingMessage, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const query = packet.decode(Buffer.concat(chunks));
  seen.push({ method: request.method, type: request.headers['content-type'], id: query.id });
  answer(query, response);
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dns-query`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** The exchange is the same without TLS, which is fetch's own business; so the test leaves it out. */
const resolver = (trustAuthenticData = false) =>
  createResolver({
    servers: [url],
    trustAuthenticData,
    cache: false,
    timeoutMs: 500,
    fetch: (_url, init) => fetch(origin, init),
  });

const send = (
  response: ServerResponse,
  octets: Uint8Array,
  status = 200,
  type = 'application/dns-message',
) => {
  response.writeHead(status, { 'content-type': type }).end(octets);
};
const encode = (query: packet.DecodedPacket, flags = 0) =>
  packet.encode({
    id: query.id ?? 0,
    type: 'response',
    flags,
    questions: query.questions ?? [],
    answers: Array.from({ length: 100 }, (_, index) => ({
      type: 'A',
      name: query.questions![0]!.name,
      ttl: 9,
      data: `192.0.2.${index}`,
    })),
  });

describe('DNS over HTTPS', () => {
  it('DNS-72 posts the query with id 0 and reads answers of any length', async () => {
    answer = (query, response) => send(response, encode(query));
    expect(await resolver().query('a.test', 'A')).toMatchObject({
      status: 'found',
      ttlSeconds: 9,
      authentic: false,
    });
    expect(seen.at(-1)).toEqual({ method: 'POST', type: 'application/dns-message', id: 0 });
  });

  it('DNS-64 believes AD over HTTPS only when told to', async () => {
    answer = (query, response) => send(response, encode(query, 0x20));
    expect((await resolver(false).query('a.test', 'A')).authentic).toBe(false);
    expect((await resolver(true).query('a.test', 'A')).authentic).toBe(true);
  });

  it('DNS-04 makes other statuses, types and sizes a failure with a reason', async () => {
    const cases: [string, (query: packet.DecodedPacket, response: ServerResponse) => void][] = [
      ['status 500', (query, response) => send(response, encode(query), 500)],
      ['content type', (query, response) => send(response, encode(query), 200, 'text/html')],
      ['longer than', (_query, response) => send(response, new Uint8Array(70_000))],
      ['shorter than', (_query, response) => send(response, new Uint8Array(3))],
      ['redirect', (_query, response) => void response.writeHead(302, { location: origin }).end()],
    ];
    for (const [word, reply] of cases) {
      answer = reply;
      expect(await resolver().query('a.test', 'A')).toMatchObject({
        status: 'servfail',
        cause: 'network',
        reason: expect.stringContaining(word),
      });
    }
    answer = () => {};
    expect(await resolver().query('a.test', 'A')).toMatchObject({
      status: 'timeout',
      reason: expect.stringContaining(url),
    });
  });
});

describe('createHttpsResolver', () => {
  const fetchHere = (_url: string, init: RequestInit) => fetch(origin, init);

  it('DNS-90 DNS-92 asks over HTTPS, and answers from its cache until it is cleared', async () => {
    answer = (query, response) => send(response, encode(query));
    const caching = createHttpsResolver({ servers: [url], fetch: fetchHere });
    const asked = seen.length;
    const first = await caching.query('b.test', 'A');
    expect(first).toMatchObject({ status: 'found', name: 'b.test' });
    expect(await caching.query('b.test', 'A')).toEqual(first);
    expect(seen.length - asked).toBe(1);
    caching.clearCache();
    await caching.query('b.test', 'A');
    expect(seen.length - asked).toBe(2);
  });

  it.each(['192.0.2.53', '[2001:db8::53]:53', 'http://dns.example.net/', 'https://'])(
    'DNS-91 refuses the server %s, which cannot be asked over HTTPS',
    (server) => {
      expect(() => createHttpsResolver({ servers: [url, server] })).toThrow(
        expect.objectContaining({ code: 'MB_DNS_OPTION', message: expect.stringContaining(server) }),
      );
    },
  );

  it('DNS-91 refuses to be made without a server', () => {
    expect(() => createHttpsResolver({ servers: [] })).toThrow(
      expect.objectContaining({ code: 'MB_DNS_NO_SERVERS' }),
    );
  });
});
