/**
 * What the dashboard does with domains, webhooks, keys and reports, on a server with a master key and a DNS of its own.
 */
import { gzipSync } from 'node:zlib';
import { PostgresStore } from '@mb/queue-postgres';
import { startWebhookReceiver, type WebhookReceiver } from '@mb/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dashboard } from '../packages/dashboard/src/index.ts';
import { type Call, type Service, startService } from '../packages/server/test/service.ts';
import { connectChromium } from './chromium.ts';
import { checkAccess, lookAtAllWidths, openDashboard } from './page.ts';
import { openPlace, type StoreKind, storeKinds } from './service.ts';

let browser: Browser;
let service: Service;
let receiver: WebhookReceiver;
let call: Call & { readonly token: string };
const open = () => openDashboard(browser, { url: service.url, token: call.token });
beforeAll(async () => {
  browser = await connectChromium();
  receiver = await startWebhookReceiver();
});
afterAll(async () => {
  await browser?.close();
  await receiver?.close();
});

async function startOn(kind: StoreKind): Promise<void> {
  const database = kind === 'PostgreSQL' ? (await openPlace(kind, 'managed')).store : undefined;
  service = await startService({
    host: 21,
    ...(database && { queue: new PostgresStore({ connection: { connectionString: database } }) }),
    masterKey: true,
    server: { dashboard: dashboard() },
    // What fails is given up at once.
    broker: { webhooks: { allowAddresses: ['127.0.0.0/8'], retryForMs: 0 } },
    script: {
      rcpt: ({ recipient }) => (recipient.startsWith('gone-') ? '550 5.1.1 No such user' : undefined),
    },
  });
  call = await service.withKey();
  service.broker.start();
}

describe.each(storeKinds)('what is managed, on %s', (kind) => {
  beforeAll(() => startOn(kind));
  afterAll(() => service?.[Symbol.asyncDispose]());

  it('DSH-70 a domain whose records were copied and published signs after a check', async () => {
    await using opened = await open();
    const { page, context } = opened;
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await opened.go('#/domains');
    await page.getByRole('button', { name: 'Add a domain' }).click();
    await page.getByLabel('Domain', { exact: true }).fill('shop.test');
    await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
    await page.getByRole('heading', { name: 'shop.test', level: 1 }).waitFor();
    await page.getByText('not yet').first().waitFor();
    const { body: added } = await call('GET', '/v1/domains/shop.test');
    const [key] = added.keys;
    const row = page.getByRole('row').filter({ hasText: key.record.name });
    await row
      .first()
      .getByRole('button', { name: /^Copy the TXT record/ })
      .click();
    await page.getByText('Copied.').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(key.record.value);
    await checkAccess(page, 'domain');
    await page.getByRole('button', { name: 'Check DNS' }).click();
    await page.getByText('Some records are missing or wrong.').waitFor();
    await page.getByText('missing').first().waitFor();
    for (const { record } of added.keys) service.dns.setRecords('test', record.name, { TXT: record.value });
    service.dns.setRecords('test', 'client', { A: '192.0.2.1' });
    service.dns.setRecords('test', 'shop', { TXT: 'v=spf1 a:client.test ~all' });
    await page.getByRole('button', { name: 'Check DNS' }).click();
    await page.getByText('Every required record is seen.').waitFor();
    await page.getByText('active').first().waitFor();
    if (kind === 'SQLite') {
      await page.getByRole('button', { name: 'Dismiss' }).click();
      await lookAtAllWidths(opened, 'domain');
      await opened.go('#/domains');
      await lookAtAllWidths(opened, 'domains-with-data');
    }
    expect(opened.complaints).toEqual([]);
  });

  it('DSH-71 the keys of a domain are rotated, and its zone file downloaded', async () => {
    await using opened = await open();
    const { page } = opened;
    await opened.go('#/domains/shop.test');
    await page.getByRole('button', { name: 'Rotate keys' }).click();
    await page.getByText('The next keys are made; publish their records.').waitFor();
    await page.getByRole('row').filter({ hasText: 'next' }).first().waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Zone file' }).click();
    expect((await download).suggestedFilename()).toBe('shop.test.zone');
    expect(opened.complaints).toEqual([]);
  });

  it('DSH-72 a domain is removed after a question', async () => {
    await call('POST', '/v1/domains', { domain: 'old.test' });
    await using opened = await open();
    const { page } = opened;
    await opened.go('#/domains/old.test');
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByText('Its keys are deleted.').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('old.test is removed.').waitFor();
    expect((await call('GET', '/v1/domains/old.test')).status).toBe(404);
  });

  it('DSH-73 a webhook is added, its secret shown once, a test sent, and it is turned off, on and removed', async () => {
    await using opened = await open();
    const { page } = opened;
    await opened.go('#/webhooks');
    await page.getByRole('button', { name: 'Add a webhook' }).click();
    await page.getByRole('dialog').getByLabel('Address').fill(receiver.url);
    await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
    const secret = await page.locator('code.token').textContent();
    expect(secret).toMatch(/^whsec_/);
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('heading', { name: 'Webhook', level: 1 }).waitFor();
    expect(await page.content()).not.toContain(secret!);
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByText('It answered with 204.').waitFor();
    expect(receiver.calls.at(-1)!.json.type).toBe('test');
    await page.getByRole('row').filter({ hasText: '204' }).first().waitFor();
    await page.getByRole('button', { name: 'Turn off' }).click();
    await page.getByText('It is off.').waitFor();
    await page.getByRole('button', { name: 'Turn on' }).click();
    await page.getByText('It is enabled, and continues where it stopped.').waitFor();
    if (kind === 'SQLite') {
      await page.getByRole('button', { name: 'Dismiss' }).click();
      await lookAtAllWidths(opened, 'webhook');
      const { hash } = new URL(page.url());
      await opened.go('#/webhooks');
      await lookAtAllWidths(opened, 'webhooks-with-data');
      await opened.go(hash);
    }
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('The webhook is removed.').waitFor();
    expect(opened.complaints).toEqual([]);
  });

  it('DSH-76 a key has the scopes that were chosen for it', async () => {
    await using opened = await open();
    const { page } = opened;
    await opened.go('#/keys');
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByLabel('Name').fill('looker');
    await page.getByRole('checkbox', { name: /^send/ }).uncheck();
    await page.getByRole('button', { name: 'Make the key' }).click();
    const token = await page.locator('code.token').textContent();
    const answer = await fetch(`${service.url}/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ from: 'a@sender.test', to: 'b@one.test', text: 'x' }),
    });
    expect(answer.status).toBe(403);
    expect(opened.complaints).toEqual([]);
  });

  it('DSH-77 reports are added, and shown by source and by kind of failure', async () => {
    await using opened = await open();
    const { page } = opened;
    await opened.go('#/reports');
    await page.getByText('No report has come in yet.').waitFor();
    await page.getByRole('button', { name: 'Add a report' }).click();
    await checkAccess(page, 'add a report');
    const files = [
      ['dmarc.xml.gz', gzipSync(dmarcReport())],
      ['tls.json', Buffer.from(JSON.stringify(tlsReport()))],
    ] as const;
    for (const [index, [name, buffer]] of files.entries()) {
      if (index > 0) await page.getByRole('button', { name: 'Add a report' }).click();
      await page.getByLabel('File').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
      await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
      await page.getByText('1 report about shop.test kept.').waitFor();
      await page.getByRole('button', { name: 'Dismiss' }).click();
    }
    const source = page.getByRole('row').filter({ hasText: '198.51.100.9' });
    await source.getByRole('cell', { name: '5', exact: true }).first().waitFor();
    await page.getByRole('heading', { name: 'Who sends as shop.test: 42 of 47 messages aligned' }).waitFor();
    const failure = page.getByRole('row').filter({ hasText: 'certificate-expired' });
    await failure.getByRole('cell', { name: '7', exact: true }).waitFor();
    await checkAccess(page, 'reports');
    if (kind === 'SQLite') await lookAtAllWidths(opened, 'reports-with-data');
    expect(opened.complaints).toEqual([]);
  });
});

function dmarcReport(): string {
  const now = Math.floor(Date.now() / 1000);
  const row = (ip: string, count: number, result: string) =>
    `<record><row><source_ip>${ip}</source_ip><count>${count}</count><policy_evaluated><disposition>none</disposition>
     <dkim>${result}</dkim><spf>${result}</spf></policy_evaluated></row></record>`;
  return `<feedback><report_metadata><org_name>receiver.example</org_name><report_id>r1</report_id>
    <date_range><begin>${now - 86_400}</begin><end>${now - 60}</end></date_range></report_metadata>
    <policy_published><domain>shop.test</domain><p>reject</p></policy_published>
    ${row('192.0.2.1', 42, 'pass')}${row('198.51.100.9', 5, 'fail')}</feedback>`;
}

function tlsReport(): object {
  const moment = (ago: number) => new Date(Date.now() - ago).toISOString();
  return {
    'organization-name': 'receiver.example',
    'date-range': { 'start-datetime': moment(86_400_000), 'end-datetime': moment(60_000) },
    'report-id': 't1',
    policies: [
      {
        policy: { 'policy-type': 'sts', 'policy-domain': 'shop.test' },
        summary: { 'total-successful-session-count': 90, 'total-failure-session-count': 7 },
        'failure-details': [
          {
            'result-type': 'certificate-expired',
            'receiving-mx-hostname': 'mx.shop.test',
            'failed-session-count': 7,
          },
        ],
      },
    ],
  };
}
