import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { nodeDashboard } from './node-dashboard.ts';

/** Asks a server with the handler; `strip` takes a path off the URL, as Express does for a mounted handler. */
async function ask(
  method: string,
  path: string,
  strip?: string,
): Promise<{ status: number; policy: unknown }> {
  const handler = nodeDashboard();
  const server = createServer((incoming, response) => {
    if (strip !== undefined) {
      Object.assign(incoming, { originalUrl: incoming.url, url: incoming.url!.slice(strip.length) || '/' });
    }
    handler(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise((resolve, reject) => {
      request({ port, host: '127.0.0.1', method, path }, (response) => {
        response.resume();
        resolve({ status: response.statusCode!, policy: response.headers['content-security-policy'] });
      })
        .on('error', reject)
        .end();
    });
  } finally {
    server.close();
  }
}

it('DSH-45 the handler for node:http answers as the other, also mounted in Express', async () => {
  expect(await ask('GET', '/ui')).toMatchObject({ status: 308, policy: expect.stringContaining("'self'") });
  expect((await ask('GET', '/ui', '/ui')).status).toBe(308);
  expect((await ask('GET', '/other')).status).toBe(404);
  expect((await ask('TRACE', '/ui/')).status).toBe(405);
});

it.each([
  'x://[',
  'http://user:secret@localhost/ui/',
  'http://user@localhost/ui/',
  'http://:secret@localhost/ui/',
])('DSH-46 the target "%s" gets 400', async (target) => {
  expect((await ask('GET', target)).status).toBe(400);
});

it('SAFE-107 a request that cannot be answered ends alone', async () => {
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', onRejection);
  const handler = nodeDashboard();
  const server = createServer((incoming, response) => {
    // A middleware in front has answered already.
    response.write('begun');
    handler(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await expect(fetch(`http://127.0.0.1:${port}/ui`).then((response) => response.text())).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off('unhandledRejection', onRejection);
  server.close();
  expect(rejections).toEqual([]);
});
