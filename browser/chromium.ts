import { type Browser, chromium } from 'playwright-core';
import { inject } from 'vitest';

/** Opens a connection to the browser that all test files share; closing it closes the pages of this file alone. */
export function connectChromium(): Promise<Browser> {
  return chromium.connect(inject('browserEndpoint'));
}
