/** The page of `mb inbox --ui`, as a person sees it, with messages that try to get out of their frame. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { MailBroker } from '@mb/broker';
import { relayRoute } from '@mb/broker/relay';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { connectChromium } from './chromium.ts';

const root = join(import.meta.dirname, '..');
let inbox: ChildProcess;
let browser: Browser;
let page: Page;
let ports: { readonly port: number; readonly uiPort: number };
const complaints: string[] = [];

beforeAll(async () => {
  browser = await connectChromium();
  const flags = ['inbox', '--port', '0', '--ui', '--ui-port', '0', '--no-dns', '--no-save', '--json'];
  inbox = spawn(
    process.execPath,
    ['--conditions=@mb/source', join(root, 'packages/cli/src/index.ts'), ...flags],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  inbox.stderr!.on('data', (text) => process.stderr.write(text));
  let output = '';
  // The stream stays open: without a reader the inbox would end.
  inbox.stdout!.on('data', (chunk) => {
    output += chunk;
  });
  while (!output.includes('\n')) await once(inbox.stdout!, 'data');
  ports = JSON.parse(output.split('\n')[0]!);
});

afterAll(async () => {
  await browser?.close();
  if (inbox && inbox.exitCode === null) {
    inbox.kill('SIGTERM');
    await once(inbox, 'exit');
  }
});

beforeEach(async () => {
  complaints.length = 0;
  page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  // A request that a policy forbids is announced as well; what leaves ends with a response or an error of the network.
  const leaves = (url: string) => {
    if (new URL(url).hostname !== '127.0.0.1' && !url.startsWith('data:')) complaints.push(url);
  };
  page.on('response', (response) => leaves(response.url()));
  page.on('requestfailed', (request) => {
    if (request.failure()?.errorText !== 'csp') leaves(request.url());
  });
  await page.goto(`http://127.0.0.1:${ports.uiPort}/`);
  return () => page.close();
});

/** Sends a message as an application does. */
async function send(message: typeof mail): Promise<void> {
  const routes = { '*': relayRoute(`smtp://127.0.0.1:${ports.port}?tls=none`) };
  const broker = new MailBroker({ hostname: 'app.test', delivery: { routes } });
  const [outcome] = await broker.send(message);
  await broker.close();
  expect(outcome?.status).toBe('delivered');
}

const mail = {
  from: 'ann@example.com',
  to: 'bob@example.org',
  subject: 'Reset <b>your</b> password',
  text: 'Your code is 123456.\n<script>alert(1)</script>',
  html: `<h1 id="hello">Hello</h1><a href="https://app.example.com/reset?a=1&amp;b=2">Reset</a>
    <script>document.getElementById('hello').textContent = 'Changed'; parent.document.title = 'Taken'</script>
    <img src="https://tracker.example.net/pixel.png"><form action="https://evil.example.net/"><button>Go</button></form>
    <img src="x" onerror="alert(2)"><style>body { color: rgb(1, 2, 3) }</style>`,
  attachments: [{ filename: '<i>plan.txt', content: 'the plan', contentType: 'text/plain' }],
};

it('INB-20 INB-24 shows a message in every view, as text or in a frame without scripts and network', async () => {
  await send(mail);
  await page.getByRole('button', { name: /Reset <b>your<\/b> password/ }).click();
  expect(await page.getByRole('heading', { level: 2 }).textContent()).toBe(mail.subject);
  const frame = page.frameLocator('iframe');
  expect(await frame.getByRole('heading', { level: 1 }).textContent()).toBe('Hello');
  expect(await page.title()).toBe('mb inbox');

  await page.getByRole('tab', { name: 'Text' }).click();
  expect(await page.getByRole('tabpanel').textContent()).toContain('<script>alert(1)</script>');
  await page.getByRole('tab', { name: 'Source' }).click();
  await expect.poll(() => frame.locator('body').textContent()).toContain('Content-Type: multipart/mixed');
  await page.getByRole('tab', { name: 'Links' }).click();
  const links = await page.getByRole('tabpanel').textContent();
  expect(links).toContain('https://app.example.com/reset?a=1&b=2');
  expect(links).toContain('123456');
  await page.getByRole('tab', { name: 'Checks' }).click();
  expect(await page.getByRole('tabpanel').textContent()).toContain('What receivers will object to');
  expect(complaints).toEqual([]);
});

it('INB-21 saves an attachment under its name, as a download and never as a page', async () => {
  await send({ ...mail, subject: 'With a plan' });
  await page.getByRole('button', { name: /With a plan/ }).click();
  await page.getByRole('tab', { name: 'Attachments' }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: '<i>plan.txt' }).click(),
  ]);
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('the plan');
  expect(complaints).toEqual([]);
});

it('INB-22 INB-25 lists what comes while it is open, can be used by keyboard, and deletes all', async () => {
  const before = await page.locator('#list button').count();
  await send({ ...mail, subject: 'Just now' });
  await expect.poll(() => page.locator('#list button').count()).toBeGreaterThan(before);
  const first = page.locator('#list button').first();
  expect(await first.textContent()).toContain('Just now');
  await first.focus();
  await page.keyboard.press('Enter');
  expect(await page.getByRole('heading', { level: 2 }).textContent()).toBe('Just now');
  await page.getByRole('button', { name: 'Delete all' }).click();
  await expect.poll(() => page.locator('#state').textContent()).toBe('0 messages');
  expect(await page.locator('#list button').count()).toBe(0);
  expect(complaints).toEqual([]);
});
