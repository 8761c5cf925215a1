import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchMtaStsPolicy, type MtaStsFetchOptions } from '../../src/index.ts';
import { createMemoryResolver } from '../../src/memory.ts';
import { type IssuedCertificate, makeRoot } from './certificates.ts';

const root = await makeRoot('Root');
const names = (host: string) => ({ commonName: 'x', names: [host] });
const certificates: Record<string, IssuedCertificate> = {
  'mta-sts.good.test': await root.issue(names('mta-sts.good.test')),
  'mta-sts.expired.test': await root.issue({
    ...names('mta-sts.expired.test'),
    notAfter: new Date('2025-06-01'),
  }),
  'mta-sts.wrong.test': await root.issue(names('mta-sts.other.test')),
  'mta-sts.self.test': await makeRoot('mta-sts.self.test'),
  'mta-sts.common.test': await root.issue({ commonName: 'mta-sts.common.test' }),
  'mta-sts.partial.test': await root.issue(names('mta*.partial.test')),
  'mta-sts.wild.test': await root.issue(names('*.wild.test')),
};

const policy = 'version: STSv1\r\nmode: enforce\r\nmx: mx.good.test\r\nmax_age: 86400\r\n';
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let server: Server;
let port: number;

beforeAll(async () => {
  const contexts = new Map(
    Object.entries(certificates).map(([host, { pem, keyPem }]) => [
      host,
      createSecureContext({ cert: pem, key: keyPem }),
    ]),
  );
  server = createServer(
    { SNICallback: (host, callback) => callback(null, contexts.get(host)) },
    (request, response) => answer(request, response),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const zones = Object.fromEntries(Object.keys(certificates).map((host) => [host, { A: '127.0.0.1' }]));

function fetchFrom(domain: string, options: MtaStsFetchOptions = {}) {
  const lab = { ca: root.pem, port, allowAddresses: ['127.0.0.0/8'] };
  return fetchMtaStsPolicy(domain, createMemoryResolver(zones), { ...lab, ...options });
}

const serve = (headers: Record<string, string>, body: string, status = 200) => {
  answer = (_request, response) => response.writeHead(status, headers).end(body);
};
const text = { 'content-type': 'text/plain; charset=utf-8' };

describe('fetchMtaStsPolicy', () => {
  it('STS-01 fetches a policy from the well-known place over verified HTTPS', async () => {
    let url: string | undefined;
    answer = (request, response) => {
      url = `${request.headers.host} ${request.url}`;
      response.writeHead(200, text).end(policy);
    };
    expect(await fetchFrom('good.test')).toMatchObject({
      status: 'fetched',
      policy: { mode: 'enforce', mx: ['mx.good.test'], maxAgeSeconds: 86_400 },
    });
    expect(url).toBe(`mta-sts.good.test:${port} /.well-known/mta-sts.txt`);
    expect(await fetchFrom('wild.test')).toMatchObject({ status: 'fetched' });
  });

  it('STS-01 refuses certificates that are expired, for another name, self-signed, without DNS name, or with part of a label as wildcard', async () => {
    serve(text, policy);
    for (const domain of ['expired.test', 'wrong.test', 'self.test', 'common.test', 'partial.test']) {
      expect([domain, await fetchFrom(domain)]).toMatchObject([domain, { status: 'failed', cause: 'tls' }]);
    }
    expect(
      await fetchMtaStsPolicy('good.test', createMemoryResolver(zones), {
        port,
        allowAddresses: ['127.0.0.0/8'],
      }),
    ).toMatchObject({ cause: 'tls' });
  });

  it('STS-06 refuses redirects, other statuses, other types, and what is too large', async () => {
    serve({ ...text, location: 'https://mta-sts.good.test/' }, policy, 302);
    expect(await fetchFrom('good.test')).toMatchObject({ status: 'failed', cause: 'http' });
    serve(text, policy, 404);
    expect(await fetchFrom('good.test')).toMatchObject({ status: 'failed', cause: 'http' });
    answer = (_request, response) =>
      response.socket!.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
    expect(await fetchFrom('good.test')).toMatchObject({ status: 'failed', cause: 'http' });
    serve({ 'content-type': 'text/html' }, policy);
    expect(await fetchFrom('good.test')).toMatchObject({ status: 'failed', cause: 'content-type' });
    serve(text, `${policy}${'x-fill: y\n'.repeat(10_000)}`);
    expect(await fetchFrom('good.test')).toMatchObject({ status: 'failed', cause: 'size' });
    serve(text, 'version: STSv1');
    expect(await fetchFrom('good.test')).toMatchObject({ status: 'failed', cause: 'syntax' });
  });

  it('STS-07 ends within its time, however slow the host is', async () => {
    answer = () => {};
    expect(await fetchFrom('good.test', { timeoutMs: 200 })).toMatchObject({
      status: 'failed',
      cause: 'timeout',
    });
    answer = (_request, response) => {
      response.writeHead(200, text);
      const timer = setInterval(() => response.write('x: y\n'), 20);
      response.on('close', () => clearInterval(timer));
    };
    expect(await fetchFrom('good.test', { timeoutMs: 200 })).toMatchObject({
      status: 'failed',
      cause: 'timeout',
    });
    const controller = new AbortController();
    const fetched = fetchFrom('good.test', { signal: controller.signal });
    controller.abort();
    await expect(fetched).rejects.toMatchObject({ code: 'MB_DNS_ABORTED' });
  });

  it('MX-06 does not connect to addresses of this machine unless a block is opened', async () => {
    serve(text, policy);
    expect(await fetchFrom('good.test', { allowAddresses: [] })).toMatchObject({
      status: 'failed',
      cause: 'address',
      reason: expect.stringContaining('loopback'),
    });
    expect(await fetchFrom('nowhere.test')).toMatchObject({ status: 'failed', cause: 'address' });
  });
});
