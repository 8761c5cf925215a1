/** What the forms of the dashboard send, and what they say when the server refuses it, on a real `mb serve`. */
import type { Browser, Page } from 'playwright-core';
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

async function send(to: string, more: object = {}): Promise<string> {
  const body = { from: 'shop@example.com', to, subject: 'Your order', text: 'Thank you.', ...more };
  const { data, error } = await service.api.POST('/v1/messages', { body });
  if (!data?.id) throw new Error(JSON.stringify(error ?? data));
  return data.id;
}

/** Ids of the messages that the list shows. */
const shownIds = (page: Page) => page.locator('tbody tr td:nth-child(2)').allInnerTexts();

/** A moment as an input of the page takes it, in the time zone of the browser. */
async function localMoment(page: Page, at: number): Promise<string> {
  const offset = await page.evaluate<number>('new Date().getTimezoneOffset()');
  return new Date(at - 60_000 * offset).toISOString().slice(0, 16);
}

describe.each(storeKinds)('forms on %s', (kind) => {
  beforeAll(async () => {
    place = await openPlace(kind, 'forms');
    service = await startService(place.store, exchanger);
  });
  afterAll(async () => {
    await service?.kill();
    await place?.remove();
  });

  it('DSH-110 each condition of the search finds the messages that it describes', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const one = await send('ann@one.example.org', { tag: 'red', notBefore: tomorrow });
    const two = await send('bob@two.example.org', {
      from: 'news@example.com',
      tenant: 'letters',
      notBefore: tomorrow,
    });
    await service.api.POST('/v1/messages/{id}/hold', { params: { path: { id: two } } });
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/messages');
    await page.getByRole('button', { name: 'More fields' }).click();
    await checkAccess(page, 'all fields of the search');
    const past = await localMoment(page, Date.now() - 3_600_000);
    const future = await localMoment(page, Date.now() + 3_600_000);
    const conditions: readonly (readonly [label: string, value: string, found: readonly string[]])[] = [
      ['Part of an address', 'BOB@two', [two]],
      ['Recipient', 'ann@one.example.org', [one]],
      ['Sender', 'news@example.com', [two]],
      ['Domain', 'one.example.org', [one]],
      ['Tag', 'red', [one]],
      ['Tenant', 'letters', [two]],
      ['State', 'held', [two]],
      ['Accepted from', past, [two, one]],
      ['Accepted from', future, []],
      ['Accepted before', past, []],
    ];
    for (const [label, value, found] of conditions) {
      // The label of a choice has its options, too.
      if (label === 'State') await page.getByLabel(label).selectOption(value);
      else await page.getByLabel(label, { exact: true }).fill(value);
      await page.getByRole('button', { name: 'Search' }).click();
      await expect.poll(() => shownIds(page), { message: `${label} ${value}` }).toEqual(found);
      if (found.length === 0) await page.getByText('No message matches the filter.').waitFor();
      await page.getByRole('button', { name: 'Clear' }).click();
      await expect.poll(() => shownIds(page)).toEqual([two, one]);
      // Without a condition only the first fields are shown.
      await page.getByRole('button', { name: 'More fields' }).click();
    }
    await page.getByLabel('Id', { exact: true }).fill(one);
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('heading', { name: `Message ${one}` }).waitFor();
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-111 a destination returns to the limits of all destinations', async () => {
    const path = { destination: 'one.example.org' };
    const limits = { maxConcurrency: 2, rates: [{ count: 5, perMs: 60_000 }] };
    await service.api.PATCH('/v1/destinations/{destination}', { params: { path }, body: { limits } });
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go(`#/destinations/${path.destination}`);
    await page.getByText('5 per 1 min').waitFor();
    await page.getByRole('button', { name: 'Limits' }).click();
    await page.getByLabel('Most connections').fill('0');
    expect(await page.getByRole('button', { name: 'Set the limits' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Return to the limits of all destinations' }).click();
    await page.getByText('The limits of all destinations apply again.').waitFor();
    await page.getByText('5 per 1 min').waitFor({ state: 'detached' });
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-112 a list of addresses with a wrong line is refused, and nothing of it added', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/suppressions');
    await page.getByRole('button', { name: 'Import' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByRole('button', { name: 'Import' }).isDisabled()).toBe(true);
    await dialog.getByLabel('File').setInputFiles({
      name: 'list.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('address,reason\r\neve@example.org,complaint\r\nnobody,operator\r\n'),
    });
    await dialog.getByRole('button', { name: 'Import' }).click();
    await dialog.getByRole('alert').getByText('line 3').waitFor();
    await checkAccess(page, 'refused import');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('No address is suppressed.').waitFor();
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-113 a report that cannot be read is refused with the reason', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/reports');
    await page.getByRole('button', { name: 'Add a report' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('File').setInputFiles({
      name: 'report.xml',
      mimeType: 'application/xml',
      buffer: Buffer.from('<html>no report</html>'),
    });
    await dialog.getByRole('button', { name: 'Add' }).click();
    await dialog
      .getByRole('alert')
      .getByText(/report/i)
      .waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('No report has come in yet.').waitFor();
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-114 a key has the tenant and the end that were given in its form', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/keys');
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByLabel('Name').fill('letters until tomorrow');
    await page.getByLabel('Tenant').fill('letters');
    const end = await localMoment(page, Date.now() + 86_400_000);
    await page.getByLabel('Expires').fill(end);
    await page.getByRole('button', { name: 'Make the key' }).click();
    await page.locator('code.token').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    const row = page.getByRole('row').filter({ hasText: 'letters until tomorrow' });
    await row.getByText(/^in (?:23 h|24 h|1 d)/).waitFor();
    const { data } = await service.api.GET('/v1/keys');
    const made = data!.data.find(({ name }) => name === 'letters until tomorrow')!;
    expect(made.tenant).toBe('letters');
    expect(await localMoment(page, Date.parse(made.expiresAt!))).toBe(end);
    expect(dashboard.complaints).toEqual([]);
  });

  it('DSH-115 a session ends with the reason when its key expires, and when it revokes its own key', async () => {
    const key = (name: string, more: object = {}) =>
      service.api.POST('/v1/keys', { body: { name, scopes: ['read', 'admin'], ...more } });
    const { data: short } = await key('short', { expiresAt: new Date(Date.now() + 10_000).toISOString() });
    await using expiring = await openDashboard(browser, { url: service.url, token: short!.token });
    await expiring.page.getByText('Your session is over').waitFor({ timeout: 40_000 });
    await checkAccess(expiring.page, 'expired key');
    await expiring.page.getByLabel('API key').fill(short!.token);
    await expiring.page.getByRole('button', { name: 'Log in' }).click();
    await expiring.page.getByRole('alert').getByText('This needs a valid key').waitFor();

    const { data: own } = await key('own');
    await using dashboard = await openDashboard(browser, { url: service.url, token: own!.token });
    const { page } = dashboard;
    await dashboard.go('#/keys');
    await page.getByRole('button', { name: 'Revoke own' }).click();
    await page.getByRole('dialog').getByText('You are logged in with it.').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('Your session is over').waitFor();
  });

  it('DSH-116 the theme that was chosen stays when the page is loaded again', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    const theme = () => page.evaluate<string>('document.documentElement.dataset.theme');
    expect(await theme()).toBe('light');
    await page.getByRole('button', { name: 'Dark' }).click();
    await page.reload();
    await page.getByRole('button', { name: 'Light' }).waitFor();
    expect(await theme()).toBe('dark');
  });

  it('DSH-117 a bulk change of more recipients than were counted is refused', async () => {
    await using dashboard = await openDashboard(browser, service);
    const { page } = dashboard;
    await dashboard.go('#/bulk');
    await page.getByLabel('The whole queue').check();
    await page.getByRole('button', { name: 'Count' }).click();
    await page.getByRole('heading', { name: '2 recipients chosen' }).waitFor();
    const more = await send('later-new@example.org');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Type 2 to confirm').fill('2');
    await dialog.getByLabel('Type 2 to confirm').press('Enter');
    await dialog.getByRole('alert').getByText('More than 2 recipients are chosen now').waitFor();
    const { data } = await service.api.GET('/v1/messages/{id}', { params: { path: { id: more } } });
    expect(data!.recipients[0]!.state).toBe('queued');
    await dialog.getByRole('button', { name: 'Cancel', exact: true }).first().click();
    await page.getByRole('button', { name: 'Count' }).click();
    await page.getByRole('heading', { name: '3 recipients chosen' }).waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await dialog.getByLabel('Type 3 to confirm').fill('3');
    await dialog.getByLabel('Type 3 to confirm').press('Enter');
    await page.getByText('3 recipients changed.').waitFor();
    expect(dashboard.complaints).toEqual([]);
  });
});
