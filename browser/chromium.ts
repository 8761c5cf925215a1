import { type Browser, chromium } from 'playwright-core';
import { ensureDebianPackages } from '../interop/lab/debian.ts';

/** Debian's Chromium, installed if it is not there. The tests run as root, where its sandbox does not work. */
export async function launchChromium(): Promise<Browser> {
  await ensureDebianPackages(['chromium', 'fonts-dejavu-core']);
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
}
