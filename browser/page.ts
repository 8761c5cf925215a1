import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Service } from './service.ts';

/** Themes and widths in which each page is looked at. */
export const themes = ['light', 'dark'] as const;
export const widths = [390, 820, 1280] as const;
export type Theme = (typeof themes)[number];

/** A page of the dashboard, and what its browser complained about. */
export interface Dashboard extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Requests to other origins, refused resources and exceptions; a test ends with none. */
  readonly complaints: readonly string[];
  /** Opens a page by the part of its address behind `#`. */
  go(hash: string): Promise<void>;
}

/** Opens the dashboard; with `logIn` a session is begun in the form. */
export async function openDashboard(
  browser: Browser,
  service: Pick<Service, 'url' | 'token'>,
  { theme = 'light', readOnly = false }: { readonly theme?: Theme; readonly readOnly?: boolean } = {},
): Promise<Dashboard> {
  const context = await browser.newContext({
    colorScheme: theme,
    viewport: { width: 1280, height: 800 },
    // The clipboard and animations differ from machine to machine.
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  const { origin } = new URL(service.url);
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
      complaints.push(`asked ${request.url()}`);
  });
  page.on('pageerror', (error) => complaints.push(`threw ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text());
  });
  await page.goto(`${service.url}/ui/`);
  await page.getByLabel('API key').fill(service.token);
  if (readOnly) await page.getByLabel(/Read only/).check();
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  return {
    page,
    context,
    complaints,
    async go(hash) {
      // In words of the page: the types of a browser are not known here.
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      // waitForFunction would need `unsafe-eval`, which the policy of the page does not allow.
      await expect
        .poll(() => page.evaluate('/Loading…|Searching…/.test(document.body.innerText)'), { interval: 20 })
        .toBe(false);
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** What axe finds wrong with a page. */
export async function checkAccess(page: Page, name: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`,
  );
  expect(found, name).toEqual([]);
}
