import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectChromium } from './chromium.ts';
import { checkAccess, lookAtAllWidths, openDashboard, overflowOf, takePicture } from './page.ts';
import {
  type Exchanger,
  openPlace,
  type Place,
  type Service,
  startExchanger,
  startService,
  storeKinds,
} from './service.ts';

const docs = join(import.meta.dirname, '../docs');
/** So that messages have all that a page can show of them. */
const flags = ['--keep-content', '1h'];

const message = {
  from: 'Shop <shop@example.com>',
  subject: 'Your order 2041',
  text: 'Thank you for your order.',
  html: '<h1>Thank you</h1><p>Your order is on its way.</p><script>document.title="ran"</script>',
  tag: 'orders',
};

let browser: Browser;
/** Another server, which a message's HTML names, and what it was asked for. */
const tracker = createServer((request, response) => {
  tracked.push(request.url ?? '');
  response.end();
});
const tracked: string[] = [];
let exchanger: Exchanger;
beforeAll(async () => {
  browser = await connectChromium();
  exchanger = await startExchanger();
  await new Promise<void>((resolve) => tracker.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await browser?.close();
  await exchanger?.close();
  tracker.close();
});

async function send(service: Service, to: string | string[], more: object = {}): Promise<string> {
  const { data, error } = await service.api.POST('/v1/messages', { body: { ...message, to, ...more } });
  if (!data?.id) throw new Error(JSON.stringify(error ?? data));
  return data.id;
}

/** Waits until a message's first recipient was tried. */
async function tried(service: Service, id: string): Promise<void> {
  await expect
    .poll(async () => {
      const { data } = await service.api.GET('/v1/messages/{id}', { params: { path: { id } } });
      return data?.recipients[0]?.detail !== undefined;
    })
    .toBe(true);
}

describe.each(storeKinds)('the dashboard on %s', (kind) => {
  let place: Place;
  let service: Service;
  /** Ids of messages by what became of them. */
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    place = await openPlace(kind, 'dashboard');
    service = await startService(place.store, exchanger, { flags });
  });
  afterAll(async () => {
    await service?.kill();
    await place?.remove();
  });

  it('DSH-50 an empty queue is shown as such on every page', async () => {
    await using dashboard = await openDashboard(browser, service);
    const texts: Readonly<Record<string, string>> = {
      overview: 'Nothing.',
      destinations: 'No mail waits',
      messages: 'There is no message yet.',
      suppressions: 'No address is suppressed.',
      domains: 'There is no managed domain.',
      webhooks: 'There is no webhook.',
      reports: 'No report has come in yet.',
      keys: 'operator',
      audit: '/v1/session',
    };
    for (const [page, text] of Object.entries(texts)) {
      await dashboard.go(`#/${page}`);
      await dashboard.page.getByRole('main').getByText(text).first().waitFor();
      if (page === 'overview' || page === 'messages') await checkAccess(dashboard.page, `empty ${page}`);
    }
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-51 a delivery is visible within one second', async () => {
    await using dashboard = await openDashboard(browser, service);
    await dashboard.page.getByText('Live', { exact: true }).waitFor();
    const took: number[] = [];
    for (let run = 0; run < 3; run++) {
      const to = `fast-${run}@example.org`;
      const row = dashboard.page.getByRole('row').filter({ hasText: to }).filter({ hasText: 'delivered' });
      const id = await send(service, to);
      await row.first().waitFor();
      const seenAt = Date.now();
      const { data } = await service.api.GET('/v1/messages/{id}', { params: { path: { id } } });
      took.push(seenAt - Date.parse(data!.recipients[0]!.finishedAt!));
    }
    console.log(`${kind}: a delivery was visible after ${took.join(', ')} ms`);
    expect(Math.max(...took)).toBeLessThan(1000);
  });

  it('DSH-52 a message is found and shown with its attempts, transcript, TLS evidence and source', async () => {
    const { port } = tracker.address() as AddressInfo;
    const picture = `http://127.0.0.1:${port}/picture.gif`;
    ids.deferred = await send(service, ['later-bob@example.org', 'gone-ann@example.org'], {
      html: `${message.html}<img src="${picture}">`,
    });
    ids.delivered = await send(service, 'carol@example.org');
    await tried(service, ids.deferred);
    await tried(service, ids.delivered);
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/messages');
    await page.getByLabel('Part of an address').fill('LATER-bob');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('link', { name: ids.deferred, exact: true }).click();
    await page.getByRole('heading', { name: `Message ${ids.deferred}` }).waitFor();
    const attempt = page.locator('details').filter({ hasText: 'Greylisted' });
    await attempt.first().locator('summary').press('Enter');
    await attempt.getByText('S: 451 4.7.1 Greylisted, try again later').first().waitFor();
    await attempt.getByText('C: RCPT TO:<later-bob@example.org>').first().waitFor();
    await attempt.getByText('TLSv1.3').first().waitFor();
    await page.locator('details').filter({ hasText: 'No such user' }).first().waitFor();
    await checkAccess(page, 'timeline');
    await page.getByRole('tab', { name: 'Preview' }).click();
    const frame = page.frameLocator('iframe.mail');
    await frame.getByText('Your order is on its way.').waitFor();
    await page.getByRole('tab', { name: 'Source' }).click();
    await page.getByText('Subject: Your order 2041').waitFor();
    expect(await page.title()).not.toBe('ran');
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download .eml' }).click();
    expect((await download).suggestedFilename()).toBe(`${ids.deferred}.eml`);
    // The picture of another server is not loaded; the browser says that it was told not to.
    expect(tracked).toEqual([]);
    expect(dashboard.complaints.filter((one) => !one.includes(picture))).toEqual([]);
  });

  it('DSH-53 a message is held, released, retried and cancelled', async () => {
    const id = ids.deferred!;
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go(`#/message/${id}`);
    const row = page.getByRole('row').filter({ hasText: 'later-bob@example.org' });
    await page.getByRole('button', { name: 'Hold' }).click();
    await row.getByText('held').waitFor();
    await page.getByText('1 recipient held.').waitFor();
    await page.getByRole('button', { name: 'Release' }).click();
    await row.getByText('queued').waitFor();
    await page.getByRole('button', { name: 'Retry now' }).click();
    await page.getByText('recipient due now.').or(page.getByText('recipients due now.')).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the message' }).click();
    await row.getByText('cancelled').waitFor();
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-54 a bulk change needs the count to be typed', async () => {
    const id = await send(service, ['later-1@example.net', 'later-2@example.net', 'later-3@example.net'], {
      tag: 'bulk',
    });
    await tried(service, id);
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/bulk');
    for (const [action, state, result] of [
      ['Hold', 'queued', 'held'],
      ['Release', 'held', 'queued'],
      ['Retry now', 'queued', 'queued'],
      ['Cancel', 'queued', 'cancelled'],
    ] as const) {
      await page.getByLabel('State').selectOption(state);
      await page.getByLabel('Tag').fill('bulk');
      await page.getByRole('button', { name: 'Count' }).click();
      await page.getByRole('heading', { name: '3 recipients chosen' }).waitFor();
      await page.getByRole('button', { name: action, exact: true }).click();
      const dialog = page.getByRole('dialog');
      const confirm = dialog.getByRole('button', { name: action, exact: true }).last();
      expect(await confirm.isDisabled()).toBe(true);
      if (action === 'Hold') await checkAccess(page, 'bulk dialog');
      await dialog.getByLabel('Type 3 to confirm').fill('3');
      await dialog.getByLabel('Type 3 to confirm').press('Enter');
      await page.getByText('3 recipients changed.').waitFor();
      await page.getByRole('button', { name: 'Dismiss' }).click();
      const { data } = await service.api.GET('/v1/messages/{id}', { params: { path: { id } } });
      expect(new Set(data!.recipients.map((one) => one.state))).toEqual(new Set([result]));
    }
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-55 DSH-97 a destination is suspended, limited and resumed', async () => {
    ids.waiting = await send(service, ['later-x@example.org', 'later-y@example.org']);
    await tried(service, ids.waiting);
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    const { data } = await service.api.GET('/v1/destinations');
    ids.destination = data!.data[0]!.destination;
    await dashboard.go('#/destinations');
    await page.getByRole('main').getByRole('link').first().click();
    await page.getByText('Greylisted, try again later').first().waitFor();
    await page.getByRole('button', { name: 'Suspend' }).click();
    await page.getByLabel('Why').fill('They asked us to wait.');
    await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
    await page.getByText('They asked us to wait.').first().waitFor();
    await checkAccess(page, 'destination');
    await page.getByRole('button', { name: 'Limits' }).click();
    await page.getByLabel('Most connections').fill('3');
    await page.getByLabel('Messages a minute').fill('60');
    await page.getByRole('button', { name: 'Set the limits' }).click();
    await page.getByText('60 per 1 min').waitFor();
    await dashboard.go('#/overview');
    await page.getByText('is suspended (They asked us to wait.)').waitFor();
    await page.getByText('Resume it when the reason is gone.').waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('open', { exact: true }).waitFor();
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-56 addresses are suppressed, lifted, imported and exported', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/suppressions');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('dialog').getByLabel('Address').fill('dora@example.org');
    await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
    await page.getByRole('row').filter({ hasText: 'dora@example.org' }).waitFor();
    await page.getByRole('button', { name: 'Lift dora@example.org' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Lift' }).click();
    await page.getByText('dora@example.org gets mail again.').waitFor();
    await page.getByRole('row').filter({ hasText: 'dora@example.org' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Import' }).click();
    await page.getByLabel('File').setInputFiles({
      name: 'list.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('address,reason\r\neve@example.org,complaint\r\nfred@example.org,operator\r\n'),
    });
    await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click();
    await page
      .getByRole('row')
      .filter({ hasText: 'eve@example.org' })
      .filter({ hasText: 'a complaint' })
      .waitFor();
    await page.getByRole('searchbox', { name: 'Address' }).fill('fred@example.org');
    await page.getByRole('button', { name: 'Look up' }).click();
    await page.getByRole('row').filter({ hasText: 'eve@example.org' }).waitFor({ state: 'detached' });
    await page.getByRole('row').filter({ hasText: 'fred@example.org' }).waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Export' }).click();
    expect((await download).suggestedFilename()).toBe('suppressions.csv');
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-57 DSH-98 a key is made, shown once and revoked, and the audit log has it all', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/keys');
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByLabel('Name').fill('newsletter');
    await checkAccess(page, 'new key');
    await page.getByRole('button', { name: 'Make the key' }).click();
    const token = await page.locator('code.token').textContent();
    expect(token).toMatch(/^mb_/);
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Revoke newsletter' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('newsletter is revoked.').waitFor();
    await dashboard.go('#/audit');
    for (const text of ['POST /v1/keys', '/v1/recipients/cancel', 'PATCH /v1/destinations/']) {
      await page.getByText(text).first().waitFor();
    }
    expect(await page.content()).not.toContain(token!);
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Export' }).click();
    expect((await download).suggestedFilename()).toBe('audit.csv');
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-58 what is wrong with a new domain is said in the dialog', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/domains');
    await page.getByRole('button', { name: 'Add a domain' }).click();
    await page.getByLabel('Domain', { exact: true }).fill('example.com');
    await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
    // This service has no master key to encrypt private keys with.
    await page.getByRole('dialog').getByRole('alert').getByText('master key').waitFor();
    await checkAccess(page, 'domain dialog');
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-59 what is wrong with a new webhook is said in the dialog', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/webhooks');
    await page.getByRole('button', { name: 'Add a webhook' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Address').fill('http://127.0.0.1:9/events');
    await dialog.getByRole('button', { name: 'Add' }).click();
    await dialog.getByRole('alert').getByText('loopback').waitFor();
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-60 a read-only session has no way to change anything', async () => {
    await using dashboard = await openDashboard(browser, service, { readOnly: true });
    const { page } = dashboard;
    await page.getByText('read-only').waitFor();
    for (const hash of ['#/messages', `#/message/${ids.waiting}`, '#/suppressions', '#/destinations']) {
      await dashboard.go(hash);
      for (const name of ['Hold', 'Cancel', 'Add', 'Import', 'Suspend', 'Retry now']) {
        expect(await page.getByRole('button', { name, exact: true }).count(), `${hash} ${name}`).toBe(0);
      }
    }
    expect(await page.getByRole('link', { name: 'Bulk' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Keys' }).count()).toBe(0);
  });

  it('DSH-61 a wrong key, a revoked key and logging out lead to the login, with the reason', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await checkAccess(page, 'login');
    await page.getByLabel('API key').fill('mb_wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('This needs a valid key').waitFor();
    await checkAccess(page, 'wrong key');
    const { data } = await service.api.POST('/v1/keys', { body: { name: 'short', scopes: ['read'] } });
    await using other = await openDashboard(browser, { url: service.url, token: data!.token });
    await service.api.DELETE('/v1/keys/{id}', { params: { path: { id: data!.id } } });
    await other.page.getByText('Your session is over').waitFor();
  });

  it('DSH-62 the keyboard alone is enough', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await page.locator('body').press('Tab');
    await page.getByRole('link', { name: 'Messages' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Messages', level: 1 }).waitFor();
    // The heading has the focus, so that a screen reader announces the page.
    await expect.poll(() => page.evaluate('document.activeElement.tagName')).toBe('H1');
    await dashboard.go('#/suppressions');
    await page.getByRole('button', { name: 'Add', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(() => page.evaluate('document.activeElement.innerText')).toBe('Add');
  });

  // The pages are the same on both stores: one of them is enough for themes, widths and axe.
  it.runIf(kind === 'SQLite')(
    'DSH-63 DSH-99 DSH-106 axe finds nothing on any page, and no page is wider than its window',
    async () => {
      await using dashboard = await openDashboard(browser, service);
      const { page } = dashboard;
      for (const [name, hash] of pagesOf(ids)) {
        await dashboard.go(hash);
        await lookAtAllWidths(dashboard, name);
        // The pictures of the documentation change with every run: they are written on demand.
        const wanted = process.env.MB_DOCS_PICTURES !== undefined;
        if (wanted && (name === 'overview' || name === 'timeline')) {
          await page.screenshot({ path: join(docs, `dashboard-${name}.png`) });
        }
      }
      expect(dashboard.complaints).toEqual([]);
    },
    // Twelve pages, each with six pictures and two runs of axe.
    280_000,
  );

  it('DSH-107 each page shows what the store has', async () => {
    await using dashboard = await openDashboard(browser, service);
    const texts: Readonly<Record<string, string>> = {
      overview: 'waiting',
      destinations: ids.destination!,
      destination: 'greylisted',
      messages: 'later-x@example.org',
      timeline: 'No such user',
      bulk: 'Choose recipients by conditions',
      suppressions: 'fred@example.org',
      domains: 'There is no managed domain.',
      webhooks: 'There is no webhook.',
      reports: 'sessions failed',
      keys: 'operator',
      audit: 'They asked us to wait.',
    };
    for (const [name, hash] of pagesOf(ids)) {
      await dashboard.go(hash);
      await dashboard.page.getByRole('main').getByText(texts[name]!).first().waitFor();
    }
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-108 the menu shows the page that is open, also after the window has become narrow', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/audit');
    await page.setViewportSize({ width: 390, height: 800 });
    const isInSight = () =>
      page.evaluate<boolean>(
        `(() => {
          const { left, right } = document.querySelector('.menu [aria-current]').getBoundingClientRect();
          return left >= 0 && right <= innerWidth;
        })()`,
      );
    await expect.poll(isInSight).toBe(true);
    await dashboard.go('#/messages');
    await expect.poll(isInSight).toBe(true);
  });

  it('DSH-109 a table that is wider than its window shows on which side there is more', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/audit');
    const table = page.getByRole('region', { name: 'Changes, the latest first' });
    await page.setViewportSize({ width: 660, height: 800 });
    await expect.poll(() => overflowOf(page, '.scroll')).toBeGreaterThan(0);
    await expect.poll(() => table.getAttribute('data-more')).toBe('right');
    await page.evaluate("document.querySelector('.scroll').scrollLeft = 1e6");
    await expect.poll(() => table.getAttribute('data-more')).toBe('left');
    await page.setViewportSize({ width: 1280, height: 800 });
    await expect.poll(() => table.getAttribute('data-more')).toBe('');
  });

  it('DSH-64 DSH-100 DSH-118 says that the server is gone, and goes on when it is back', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await page.getByText('Live', { exact: true }).waitFor();
    const { port } = new URL(service.url);
    await service.kill();
    await page.getByText('Not live').waitFor();
    await page.getByRole('alert').getByText('The server does not answer.').waitFor();
    await page.getByText('Not known while the server does not answer.').waitFor();
    expect(await page.getByRole('alert').count()).toBe(1);
    await checkAccess(page, 'server gone');
    if (kind === 'SQLite') await takePicture(page, 'server-gone-light-1280');
    service = await startService(place.store, exchanger, { port: Number(port), token: service.token, flags });
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
    await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
    await page.getByText('Not known while').waitFor({ state: 'detached' });
  });
});

/** Every page, with its address. */
function pagesOf(ids: Readonly<Record<string, string>>): readonly (readonly [name: string, hash: string])[] {
  return [
    ['overview', '#/overview'],
    ['destinations', '#/destinations'],
    ['destination', `#/destinations/${encodeURIComponent(ids.destination!)}`],
    ['messages', '#/messages'],
    ['timeline', `#/message/${ids.deferred}`],
    ['bulk', '#/bulk'],
    ['suppressions', '#/suppressions'],
    ['domains', '#/domains'],
    ['webhooks', '#/webhooks'],
    ['reports', '#/reports'],
    ['keys', '#/keys'],
    ['audit', '#/audit'],
  ];
}
