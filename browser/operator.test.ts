/** What an operator does with mail that is done and with events that were given up, on a real `mb serve`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from '@mb/broker/sqlite';
import { PostgresStore } from '@mb/queue-postgres';
import { startWebhookReceiver, type WebhookReceiver } from '@mb/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectChromium } from './chromium.ts';
import { checkAccess, openDashboard } from './page.ts';
import {
  type Exchanger,
  openPlace,
  type Place,
  type Service,
  type StoreKind,
  startExchanger,
  startService,
  storeKinds,
} from './service.ts';

/** More than a list shows at once. */
const waiting = 700;

let browser: Browser;
let exchanger: Exchanger;
let place: Place;
let folder: string;
let service: Service;
let receiver: WebhookReceiver;

beforeAll(async () => {
  browser = await connectChromium();
  exchanger = await startExchanger();
  receiver = await startWebhookReceiver();
});
afterAll(async () => {
  await browser?.close();
  await receiver?.close();
  await exchanger?.close();
});

async function startOn(kind: StoreKind): Promise<void> {
  place = await openPlace(kind, 'operator');
  await fill(kind, place.store);
  folder = await mkdtemp(join(tmpdir(), 'mb-browser-'));
  const config = join(folder, 'mb.config.json');
  // What a webhook refuses is given up at once.
  const broker = { webhooks: { allowAddresses: ['127.0.0.0/8'], retryForMs: 0 } };
  await writeFile(config, JSON.stringify({ broker }), { mode: 0o600 });
  service = await startService(place.store, exchanger, {
    flags: ['--config', config, '--keep-content', '1h'],
  });
}

async function stop(): Promise<void> {
  await service?.kill();
  await place?.remove();
  if (folder) await rm(folder, { recursive: true });
}

/** Messages that wait for tomorrow. */
async function fill(kind: StoreKind, place: string): Promise<void> {
  const store =
    kind === 'SQLite'
      ? new SqliteStore(place)
      : new PostgresStore({ connection: { connectionString: place } });
  await store.open();
  const content = new TextEncoder().encode('From: shop@example.com\r\nSubject: Later\r\n\r\nHello\r\n');
  await Promise.all(
    Array.from({ length: waiting }, (_, n) =>
      store.accept({
        sender: 'shop@example.com',
        content,
        tag: 'tomorrow',
        notBefore: Date.now() + 86_400_000,
        recipients: [{ address: `reader-${n}@example.org`, domain: 'example.org' }],
      }),
    ),
  );
  await store.close();
}

async function send(to: string): Promise<string> {
  const body = { from: 'shop@example.com', to, subject: 'Your order 2041', text: 'Thank you.' };
  const { data, error } = await service.api.POST('/v1/messages', { body });
  if (!data?.id) throw new Error(JSON.stringify(error ?? data));
  return data.id;
}

async function stateOf(id: string): Promise<string | undefined> {
  const { data } = await service.api.GET('/v1/messages/{id}', { params: { path: { id } } });
  return data?.recipients[0]?.state;
}

/** A webhook that refuses what it is told; the page shows this many events that it gave up. */
async function givenUp(page: Page, count: number): Promise<{ readonly path: string; answered(): number }> {
  receiver.answer = () => 500;
  const path = `/hook-${Date.now()}`;
  const url = `${receiver.url.replace(/\/$/, '')}${path}`;
  const { data } = await service.api.POST('/v1/webhooks', { body: { url, types: ['delivered'] } });
  for (let n = 0; n < count; n++) await send(`dora-${n}@example.org`);
  await expect
    .poll(async () => {
      const { data: webhook } = await service.api.GET('/v1/webhooks/{id}', {
        params: { path: { id: data!.id } },
      });
      return webhook?.status?.deadLetters;
    })
    .toBe(count);
  await page.evaluate(`location.hash = ${JSON.stringify(`#/webhooks/${data!.id}`)}`);
  await expect.poll(() => deadLetters(page).count()).toBe(count);
  receiver.answer = () => 204;
  const before = receiver.calls.length;
  return {
    path,
    answered: () => receiver.calls.slice(before).filter((call) => call.path === path).length,
  };
}

const deadLetters = (page: Page) =>
  page.getByRole('region', { name: 'Events that were given up' }).locator('tbody tr');

describe.each(storeKinds)('an operator on %s', (kind) => {
  beforeAll(() => startOn(kind));
  afterAll(stop);

  it('DSH-74 a message that was delivered is previewed, downloaded and sent again while its content is kept', async () => {
    const id = await send('carol@example.org');
    await expect.poll(() => stateOf(id)).toBe('delivered');
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go(`#/message/${id}`);
    await page.getByRole('tab', { name: 'Preview' }).click();
    await page.getByText('Thank you.').waitFor();
    await page.getByRole('tab', { name: 'Source' }).click();
    await page.getByText('Subject: Your order 2041').waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download .eml' }).click();
    expect((await download).suggestedFilename()).toBe(`${id}.eml`);
    await page.getByRole('button', { name: 'Send again' }).click();
    const dialog = page.getByRole('dialog');
    // Who has it already is not chosen by itself.
    expect(await dialog.getByRole('button', { name: /^Send to/ }).isDisabled()).toBe(true);
    await checkAccess(page, 'send again');
    await dialog.getByRole('checkbox', { name: /carol@example.org/ }).check();
    await dialog.getByRole('button', { name: 'Send to 1 recipient' }).click();
    await page.getByText(/Message \d+ is accepted\./).waitFor();
    const again = /\d+$/.exec(page.url())![0];
    expect(again).not.toBe(id);
    await page.getByRole('heading', { name: `Message ${again}` }).waitFor();
    await expect.poll(() => stateOf(again)).toBe('delivered');
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-75 an event that a webhook gave up is replayed by hand', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    const { answered } = await givenUp(page, 2);
    await checkAccess(page, 'webhook with events that were given up');
    await deadLetters(page).first().getByRole('button', { name: 'Replay' }).click();
    await page.getByText('1 event will be delivered again.').waitFor();
    await expect.poll(answered).toBe(1);
    await expect.poll(() => deadLetters(page).count()).toBe(1);
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-78 the events of a span that a webhook gave up are replayed', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    const { answered } = await givenUp(page, 2);
    await page.getByRole('button', { name: 'Replay a span' }).click();
    const dialog = page.getByRole('dialog');
    const minute = (at: number) => new Date(at).toISOString().slice(0, 16);
    const local = async (at: number) =>
      minute(at - 60_000 * (await page.evaluate<number>('new Date().getTimezoneOffset()')));
    // A span that ended before has none of them.
    await dialog.getByLabel('To').fill(await local(Date.now() - 3_600_000));
    await checkAccess(page, 'replay a span');
    await dialog.getByRole('button', { name: 'Replay', exact: true }).click();
    await page.getByText('0 events will be delivered again.').waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).click();
    expect(await deadLetters(page).count()).toBe(2);
    await page.getByRole('button', { name: 'Replay a span' }).click();
    await dialog.getByLabel('From').fill(await local(Date.now() - 3_600_000));
    await dialog.getByLabel('To').fill(await local(Date.now() + 120_000));
    await dialog.getByRole('button', { name: 'Replay', exact: true }).click();
    await page.getByText('2 events will be delivered again.').waitFor();
    await expect.poll(answered).toBe(2);
    await page.getByText('None.', { exact: true }).waitFor();
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-79 all events that a webhook gave up are replayed', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    const { answered } = await givenUp(page, 3);
    await page.getByRole('button', { name: 'Replay all' }).click();
    await page.getByText('3 events will be delivered again.').waitFor();
    await expect.poll(answered).toBe(3);
    await page.getByText('None.', { exact: true }).waitFor();
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-69 a list of very many messages scrolls to its end, each message once, and bounded rows at a time', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/messages?tag=tomorrow');
    const shown = async () =>
      (await page.locator('tbody tr td:nth-child(2)').allInnerTexts()).map((text) => Number(text));
    const scrollUntil = async (rows: number) => {
      await expect
        .poll(
          async () => {
            await page.mouse.wheel(0, 20_000);
            return page.locator('tbody tr').count();
          },
          { interval: 100 },
        )
        .toBe(rows);
    };
    await page.mouse.move(640, 500);
    await scrollUntil(500);
    const first = await shown();
    await page.getByRole('button', { name: 'Show the next' }).click();
    await expect.poll(async () => (await shown())[0]).toBe(first.at(-1)! - 1);
    expect(await page.evaluate<number>('scrollY')).toBeLessThan(200);
    await scrollUntil(waiting - 500);
    const ids = [...first, ...(await shown())];
    expect(ids).toEqual(Array.from({ length: waiting }, (_, n) => ids[0]! - n));
    expect(await page.getByRole('button', { name: /^Show/ }).count()).toBe(0);
    await page.getByRole('button', { name: 'Back to the first' }).click();
    await expect.poll(async () => (await shown())[0]).toBe(first[0]);
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-85 the reports page shows the TLS failures of our own sessions', async () => {
    const id = await send('frank@example.org');
    await expect.poll(() => stateOf(id)).toBe('delivered');
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/reports');
    await page
      .getByRole('heading', { name: /^TLS in our own sessions: 0 of \d+ sessions? failed$/ })
      .waitFor();
    await page.getByText('No session failed.').waitFor();
    const json = {
      ...{ since: new Date().toISOString(), succeeded: 8, failed: 3 },
      domains: [
        {
          ...{ domain: 'example.org', succeeded: 4, failed: 3 },
          failures: [
            {
              ...{ resultType: 'certificate-expired', host: 'mx.example.org', policy: 'sts', sessions: 3 },
              detail: 'The certificate expired yesterday.',
            },
          ],
        },
      ],
    };
    await page.route(
      (url) => url.pathname === '/v1/reports/own-tls',
      (route) => route.fulfill({ json }),
    );
    await page.getByRole('button', { name: '90 days' }).click();
    const row = page.getByRole('row').filter({ hasText: 'certificate-expired' });
    for (const text of ['example.org', 'mx.example.org', 'MTA-STS: the mail waits', '3', '7']) {
      await row.getByRole('cell', { name: text, exact: true }).first().waitFor();
    }
    await checkAccess(page, 'reports with failures of our own');
    expect(dashboard.complaints).toEqual([]);
  });
});
