import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Service } from './service.ts';

/** Themes and widths in which each page is looked at. */
const themes = ['light', 'dark'] as const;
const widths = [390, 820, 1280] as const;
type Theme = (typeof themes)[number];

/** Pictures to look at; not in git. */
const pictures = join(import.meta.dirname, '../out/screenshots');
mkdirSync(pictures, { recursive: true });

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

/**
 * Looks at the page that is open in each theme and at each width: axe finds nothing, it is no wider than its window, and
 * on a phone no table is wider than the page. The pictures are for people.
 */
export async function lookAtAllWidths({ page }: Dashboard, name: string): Promise<void> {
  for (const theme of themes) {
    await page.emulateMedia({ colorScheme: theme });
    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 });
      // Tables of phones and those of screens are each checked once: axe takes a second.
      if (width === (theme === 'light' ? 1280 : 390)) await checkAccess(page, `${name} ${theme} ${width}`);
      expect(await overflowOf(page, 'html'), `${name} at ${width}`).toBeLessThanOrEqual(0);
      if (width === 390)
        expect(await overflowOf(page, '.scroll'), `tables of ${name}`).toBeLessThanOrEqual(0);
      await takePicture(page, `${name}-${theme}-${width}`);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** By how many pixels the content of the widest element is wider than the element. */
export function overflowOf(page: Page, selector: string): Promise<number> {
  return page.evaluate<number>(
    `Math.max(0, ...[...document.querySelectorAll(${JSON.stringify(selector)})]
      .map((element) => element.scrollWidth - element.clientWidth))`,
  );
}

export async function takePicture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}
