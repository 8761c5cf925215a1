import type { ChildProcess } from 'node:child_process';
import { request } from 'node:http';
import { composeMessage, type Message } from '@mb/mime';
import { connect } from '@mb/smtp-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mb } from './mb.ts';

let child: ChildProcess;
let base: string;
let smtpPort: number;
let ended: Promise<unknown>;

beforeAll(async () => {
  let output = '';
  ended = mb(['inbox', '--port', '0', '--ui', '--ui-port', '0', '--no-dns', '--no-save'], {
    during: (started) => {
      child = started;
      started.stdout?.on('data', (data) => {
        output += data;
      });
    },
  });
  for (let turn = 0; turn < 1000 && !output.includes('\n'); turn++)
    await new Promise((done) => setTimeout(done, 20));
  const { port, uiPort } = JSON.parse(output.split('\n')[0]!);
  base = `http://127.0.0.1:${uiPort}`;
  smtpPort = port;
}, 30_000);

afterAll(async () => {
  child.kill('SIGTERM');
  await ended;
});

const get = async (path: string) => (await fetch(base + path)).json() as Promise<Record<string, never>>;
const change = (method: string, path: string, body?: object) =>
  fetch(base + path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
/** Sends a message as an application does, and gives the code of the reply that decided. */
async function send(message: Message): Promise<number> {
  const composed = composeMessage(message);
  const connection = await connect({
    host: '127.0.0.1',
    port: smtpPort,
    hostname: 'app.test',
    tls: { level: 'none' },
  });
  const { recipients } = await connection.deliver(composed.envelope, await composed.bytes());
  await connection.close();
  return recipients[0]!.reply!.code;
}

const pixel = Buffer.from('89504e470d0a1a0a', 'hex');
const mail = {
  from: 'ann@example.com',
  to: 'bob@example.org',
  subject: 'Reset',
  text: 'Your code is 123456.',
  html: '<p>Open <a href="https://app.example.com/r?a=1&amp;b=2">this</a><img src="cid:logo"><script>alert(1)</script></p>',
  attachments: [
    { filename: 'logo.png', contentId: 'logo', content: pixel },
    { filename: '<b>.html', content: '<script>alert(1)</script>', contentType: 'text/html' },
  ],
};

it('INB-01 gives the message that a test waits for, with its links, codes and checks', async () => {
  const waiting = get('/api/messages/wait?to=BOB@example.org&subject=reset&timeoutMs=20000');
  expect(await send(mail)).toBe(250);
  const message = await waiting;
  expect(message).toMatchObject({
    id: 1,
    sender: 'ann@example.com',
    recipients: ['bob@example.org'],
    subject: 'Reset',
    links: ['https://app.example.com/r?a=1&b=2'],
    codes: ['123456'],
    attachments: [{ filename: 'logo.png' }, { contentType: 'text/html' }],
  });
  expect(Array.isArray(message.lint)).toBe(true);
  const none = await fetch(`${base}/api/messages/wait?to=eve@example.org&timeoutMs=50`);
  expect(none.status).toBe(404);
  expect(await none.json()).toMatchObject({ messages: [{ subject: 'Reset' }] });
});

it('INB-02 has the HTML of a message in a sandbox with a policy', async () => {
  const html = await fetch(`${base}/api/messages/1/html`);
  expect(html.headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none';/);
  expect(html.headers.get('content-security-policy')).not.toMatch(/allow-|script-src|http:/);
  expect(await html.text()).toContain('<img src="/api/messages/1/cid/logo">');
  const picture = await fetch(`${base}/api/messages/1/cid/logo`);
  expect([picture.headers.get('content-type'), Buffer.from(await picture.arrayBuffer())]).toEqual([
    'image/png',
    pixel,
  ]);
  const source = await fetch(`${base}/api/messages/1/source`);
  expect(source.headers.get('content-type')).toMatch(/^text\/plain/);
});

it('INB-26 gives attachments as downloads', async () => {
  const file = await fetch(`${base}/api/messages/1/attachments/1`);
  expect(file.headers.get('content-type')).toBe('application/octet-stream');
  expect(file.headers.get('content-disposition')).toMatch(/^attachment; filename\*=UTF-8''/);
  expect(file.headers.get('x-content-type-options')).toBe('nosniff');
});

it('INB-03 runs only its own script on the page', async () => {
  const page = await fetch(`${base}/`);
  const policy = page.headers.get('content-security-policy')!;
  const text = await page.text();
  const [, nonce] = /script-src 'nonce-([^']+)'/.exec(policy)!;
  expect(policy).toMatch(/^default-src 'none';/);
  expect(policy).not.toMatch(/unsafe|\*/);
  expect(text.match(/<script[^>]*>/g)).toEqual([`<script nonce="${nonce}">`]);
  expect(text).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|eval\(| on\w+="/);
  const [, script] = /<script[^>]*>([\s\S]*)<\/script>/.exec(text)!;
  expect(() => new Function(script!)).not.toThrow();
  expect(await (await fetch(`${base}/`)).text()).not.toContain(nonce);
});

it('INB-04 INB-23 answers no other name than its own, and no change that another page could send', async () => {
  const status = await new Promise((resolve, reject) => {
    request(`${base}/api/messages`, { headers: { host: 'evil.example.com' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(403);
  expect((await fetch(`${base}/api/messages`, { method: 'DELETE' })).status).toBe(415);
  expect(await get('/api/messages')).toMatchObject({ messages: [{ id: 1 }] });
});

it('INB-05 refuses what a script says, until it is taken back', async () => {
  const script = { recipients: { 'gone@example.org': '550 5.1.1 No such user' }, content: '451 4.3.0 Later' };
  expect((await change('PUT', '/api/script', script)).status).toBe(200);
  expect(await get('/api/script')).toEqual(script);
  expect(await send({ ...mail, to: 'gone@example.org' })).toBe(550);
  expect(await send(mail)).toBe(451);
  expect((await change('PUT', '/api/script', {})).status).toBe(200);
  expect(await send(mail)).toBe(250);
  for (const wrong of [
    { recipient: {} },
    { rcpt: '250 Ok' },
    { rcpt: 'no' },
    { recipients: [1] },
    { content: '550 a\r\nb' },
  ]) {
    expect((await change('PUT', '/api/script', wrong)).status).toBe(400);
  }
});

it('INB-07 refuses a recipient of a script in any case of its letters', async () => {
  const script = { recipients: { 'Gone@Example.org': '550 5.1.1 No such user' } };
  expect((await change('PUT', '/api/script', script)).status).toBe(200);
  expect(await send({ ...mail, to: 'gone@example.org' })).toBe(550);
  expect(await send({ ...mail, to: 'GONE@example.org' })).toBe(550);
  expect((await change('PUT', '/api/script', { recipients: [] })).status).toBe(400);
  expect((await change('PUT', '/api/script', { recipients: null })).status).toBe(400);
  expect((await change('PUT', '/api/script', {})).status).toBe(200);
});

it('INB-06 forgets all messages when asked to', async () => {
  expect((await change('DELETE', '/api/messages')).status).toBe(200);
  expect(await get('/api/messages')).toEqual({ messages: [] });
  expect((await fetch(`${base}/api/messages/1`)).status).toBe(404);
});
