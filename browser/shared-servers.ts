import { chromium } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { ensureDebianPackages } from '../interop/lab/debian.ts';
import { startServer } from '../packages/queue-postgres/test/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where Chromium takes connections. */
    browserEndpoint: string;
  }
}

/** Databases of the shared PostgreSQL server: a queue for each test file. */
export const databases = ['dashboard', 'forms', 'managed', 'operator', 'slow_server'] as const;

/**
 * Starts what all test files share: Debian's Chromium, installed if it is not there, and PostgreSQL. The tests run as
 * root, where Chromium's sandbox does not work.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await ensureDebianPackages(['chromium', 'fonts-dejavu-core']);
  const browser = await chromium.launchServer({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  project.provide('browserEndpoint', browser.wsEndpoint());
  // No test cuts the power.
  const { url, server, remove } = await startServer(['-c', 'fsync=off']);
  for (const name of databases) await server.createDatabase(name);
  project.provide('postgresUrl', url);
  return async () => {
    await browser.close();
    await server.stop();
    remove();
  };
}
