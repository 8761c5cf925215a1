/** The dashboard when answers come late, in parts, or not at all: the answers of the API are those of the test. */
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchChromium } from './chromium.ts';
import { openDashboard } from './page.ts';
import { type Exchanger, type Place, places, type Service, startExchanger, startService } from './service.ts';

let browser: Browser;
let exchanger: Exchanger;
let place: Place;
let service: Service;
beforeAll(async () => {
  browser = await launchChromium();
  exchanger = await startExchanger();
  place = await places.SQLite();
  service = await startService(place.store, exchanger);
});
afterAll(async () => {
  await browser?.close();
  await service?.kill();
  await exchanger?.close();
  await place?.remove();
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
    await route.fulfill({ json: query.has('after') ? { data: [message('rare')] } : { data: [], next: 'x' } });
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
