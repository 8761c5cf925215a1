/** The dashboard when answers come late, in parts, or not at all: the answers of the API are those of the test. */
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectChromium } from './chromium.ts';
import { checkAccess, openDashboard } from './page.ts';
import {
  type Exchanger,
  openPlace,
  type Place,
  type Service,
  startExchanger,
  startService,
  storeKinds,
} from './service.ts';

let browser: Browser;
let exchanger: Exchanger;
let place: Place;
let service: Service;
beforeAll(async () => {
  browser = await connectChromium();
  exchanger = await startExchanger();
});
afterAll(async () => {
  await browser?.close();
  await exchanger?.close();
});

/** Answers requests for a path; the handler gets the parameters of the request. */
async function answer(
  page: Page,
  path: string,
  handler: (query: URLSearchParams, route: Route) => Promise<void>,
): Promise<void> {
  await page.route(
    (url) => url.pathname === path,
    (route) => handler(new URL(route.request().url()).searchParams, route),
  );
}

const message = (id: string) => ({
  ...{ id, sender: 'shop@example.com', sizeBytes: 100, acceptedAt: new Date().toISOString() },
  ...{ firstRecipient: `${id}@example.org`, recipients: 1, states: { queued: 1 } },
});

/** Pages, with what each of them cannot do without. */
const askedBy: readonly (readonly [hash: string, path: RegExp])[] = [
  ['#/overview', /^\/v1\/(health|stats)$/],
  ['#/destinations', /^\/v1\/destinations$/],
  ['#/destinations/example.org', /^\/v1\/destinations\/example\.org/],
  ['#/messages', /^\/v1\/messages$/],
  ['#/message/1', /^\/v1\/messages\/1/],
  ['#/suppressions', /^\/v1\/suppressions$/],
  ['#/domains', /^\/v1\/domains$/],
  ['#/domains/example.org', /^\/v1\/domains\/example\.org/],
  ['#/webhooks', /^\/v1\/webhooks$/],
  ['#/webhooks/x', /^\/v1\/webhooks\/x/],
  ['#/reports', /^\/v1\/reports/],
  ['#/keys', /^\/v1\/keys$/],
  ['#/audit', /^\/v1\/audit$/],
];

describe.each(storeKinds)('a server that is slow or in trouble, on %s', (kind) => {
  beforeAll(async () => {
    place = await openPlace(kind, 'slow_server');
    service = await startService(place.store, exchanger);
  });
  afterAll(async () => {
    await service?.kill();
    await place?.remove();
  });

  it('DSH-65 an answer for an earlier range is not shown for the present one', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    const held = Promise.withResolvers<void>();
    await answer(page, '/v1/stats', async (query, route) => {
      const resolution = query.get('resolution');
      if (resolution === 'quarter-hour') await held.promise;
      const total = { accepted: resolution === 'quarter-hour' ? 96 : 30 };
      await route.fulfill({ json: { resolution, points: [], total, domains: [] } });
    });
    const asked = page.waitForRequest(/resolution=quarter-hour/);
    await page.getByRole('button', { name: '24 hours' }).click();
    await asked;
    await page.getByRole('button', { name: '30 days' }).click();
    held.resolve();
    const card = page.getByRole('listitem').filter({ hasText: 'Accepted' }).locator('.card-value');
    await card.waitFor();
    expect(await card.textContent()).toBe('30');
  });

  it('DSH-66 a page of a list that could not be loaded is asked for again only on demand', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    let failed = 0;
    await answer(page, '/v1/suppressions', async (query, route) => {
      if (query.has('after')) {
        failed++;
        await route.fulfill({ status: 500, json: { detail: 'The disk is full.' } });
        return;
      }
      const row = { address: 'ann@example.org', reason: 'operator', since: new Date().toISOString() };
      await route.fulfill({ json: { data: [row], next: 'x' } });
    });
    await dashboard.go('#/suppressions');
    await page.getByText('The disk is full.').first().waitFor();
    await page.waitForTimeout(500);
    expect(failed).toBe(1);
    await page.getByRole('button', { name: 'Show more' }).click();
    await expect.poll(() => failed).toBe(2);
  });

  it('DSH-67 messages of an earlier filter are not added to those of the present one', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    const held = Promise.withResolvers<void>();
    await answer(page, '/v1/messages', async (query, route) => {
      if (query.get('tag') === 'other') {
        await route.fulfill({ json: { data: [message('other')] } });
        return;
      }
      if (query.has('after')) await held.promise;
      const name = query.has('after') ? 'late' : 'first';
      const data = Array.from({ length: 50 }, (_, index) => message(`${name}-${index}`));
      await route.fulfill({ json: { data, ...(!query.has('after') && { next: 'x' }) } });
    });
    await dashboard.go('#/messages');
    const asked = page.waitForRequest(/after=x/);
    await page.getByRole('button', { name: 'Show more' }).click();
    await asked;
    await page.evaluate("location.hash = '#/messages?tag=other'");
    await page.getByRole('link', { name: 'other', exact: true }).waitFor();
    const late = page.waitForResponse(/after=x/);
    held.resolve();
    await late;
    await page.waitForTimeout(300);
    expect(await page.locator('tbody tr').count()).toBe(1);
  });

  it('DSH-68 a message that a filter finds late stays in sight while events come in', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    let round = 0;
    await answer(page, '/v1/messages', async (query, route) => {
      if (!query.has('after')) round++;
      // The first page of the second round on is empty, and what follows it never comes.
      if (query.has('after') && round > 1) return;
      await route.fulfill({
        json: query.has('after') ? { data: [message('rare')] } : { data: [], next: 'x' },
      });
    });
    await dashboard.go('#/messages?search=rare');
    const row = page.getByRole('link', { name: 'rare', exact: true });
    await row.waitFor();
    const again = page.waitForRequest(/after=x/);
    await service.api.POST('/v1/messages', {
      body: { from: 'shop@example.com', to: 'later-ann@example.org', text: 'Hello' },
    });
    await again;
    await page.waitForTimeout(300);
    expect(await row.count()).toBe(1);
  });

  it('DSH-80 every page says what the server says when it cannot answer', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    const detail = 'The queue cannot be used: the disk is full.';
    const failing = (url: URL) => askedBy.some(([, path]) => path.test(url.pathname));
    await page.route(failing, (route) =>
      route.fulfill({ status: 503, contentType: 'application/problem+json', json: { detail } }),
    );
    for (const [hash] of askedBy) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      await page.getByRole('alert').getByText(detail).first().waitFor();
      await expect
        .poll(() =>
          page.evaluate<boolean>("/Loading…|Searching…/.test(document.querySelector('main').innerText)"),
        )
        .toBe(false);
      // What is said is the same part of every page.
      if (hash === '#/overview') await checkAccess(page, `${hash} in trouble`);
      // The next page must not show what this one said.
      await page.evaluate("location.hash = '#/nowhere'");
      await page.getByText('There is no such page.').waitFor();
    }
  });

  it('DSH-81 pages that a key has no scope for say so', async () => {
    const { data } = await service.api.POST('/v1/keys', {
      body: { name: 'shop', scopes: ['read'], tenant: 'shop' },
    });
    await using dashboard = await openDashboard(browser, { url: service.url, token: data!.token });
    const { page } = dashboard;
    for (const hash of ['#/destinations', '#/bulk', '#/reports', '#/keys', '#/audit']) {
      await dashboard.go(hash);
      await page.getByText('Your key has no scope for this page, or is one of a tenant.').waitFor();
      expect(await page.getByRole('navigation').locator(`a[href$="${hash}"]`).count(), hash).toBe(0);
    }
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-82 a message, destination, domain or webhook that does not exist is said to be none', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    for (const [hash, text] of [
      ['#/message/987654', 'There is no such message'],
      ['#/destinations/unheard-of.example', 'No mail waits there'],
      ['#/domains/unheard-of.example', 'There is no such domain'],
      ['#/webhooks/0123456789abcdef', 'There is no such webhook'],
    ] as const) {
      await dashboard.go(hash);
      await page.getByRole('main').getByText(text).first().waitFor();
    }
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-83 a change that fails says why, and leaves the dialog open', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await page.route(
      (url) => url.pathname === '/v1/suppressions',
      (route) =>
        route.request().method() === 'POST'
          ? route.fulfill({ status: 503, json: { detail: 'The queue cannot be used: the disk is full.' } })
          : route.continue(),
    );
    await dashboard.go('#/suppressions');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Address').fill('dora@example.org');
    await dialog.getByRole('button', { name: 'Add' }).click();
    await dialog.getByRole('alert').getByText('the disk is full').waitFor();
    expect(await dialog.getByLabel('Address').inputValue()).toBe('dora@example.org');
  });

  it('DSH-84 a message whose content is gone says how to keep content, and offers nothing that needs it', async () => {
    const { data } = await service.api.POST('/v1/messages', {
      body: { from: 'shop@example.com', to: 'carol@example.org', text: 'Hello' },
    });
    const path = { id: data!.id! };
    await expect
      .poll(async () => (await service.api.GET('/v1/messages/{id}', { params: { path } })).data?.hasContent)
      .toBe(false);
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go(`#/message/${path.id}`);
    await page.getByText('--keep-content 7d').waitFor();
    await checkAccess(page, 'message without content');
    for (const name of ['Send again', 'Preview', 'Source', 'Download .eml']) {
      expect(await page.getByText(name, { exact: true }).count(), name).toBe(0);
    }
    expect(dashboard.complaints).toEqual([]);
  });
});
