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
