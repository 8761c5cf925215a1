import { gzipSync } from 'node:zlib';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Call, type Service, startService } from './service.ts';

let service: Service;
let call: Call;
beforeAll(async () => {
  service = await startService({ host: 8 });
  call = await service.withKey();
});
afterAll(() => service[Symbol.asyncDispose]());

const day = 86_400;
const now = Math.floor(Date.now() / 1000);

/** A DMARC report about one day, as RFC 9990 has it. */
function dmarcReport(
  id: string,
  rows: readonly (readonly [ip: string, count: number, dkim: string, spf: string])[],
) {
  const records = rows.map(
    ([ip, count, dkim, spf]) => `<record><row><source_ip>${ip}</source_ip><count>${count}</count>
      <policy_evaluated><disposition>${dkim === 'pass' || spf === 'pass' ? 'none' : 'reject'}</disposition>
      <dkim>${dkim}</dkim><spf>${spf}</spf></policy_evaluated></row>
      <identifiers><header_from>shop.test</header_from></identifiers><auth_results/></record>`,
  );
  return Buffer.from(`<?xml version="1.0"?><feedback><report_metadata><org_name>receiver.example</org_name>
    <email>dmarc@receiver.example</email><report_id>${id}</report_id>
    <date_range><begin>${now - day}</begin><end>${now - 60}</end></date_range></report_metadata>
    <policy_published><domain>Shop.test</domain><p>reject</p></policy_published>${records.join('')}</feedback>`);
}

/** A TLS report, as RFC 8460 has it. */
function tlsReport(id: string): Buffer {
  const moment = (at: number) => new Date(at * 1000).toISOString();
  return Buffer.from(
    JSON.stringify({
      'organization-name': 'receiver.example',
      'date-range': { 'start-datetime': moment(now - day), 'end-datetime': moment(now - 120) },
      'contact-info': 'tls@receiver.example',
      'report-id': id,
      policies: [
        {
          policy: { 'policy-type': 'sts', 'policy-domain': 'shop.test', 'mx-host': ['mx.shop.test'] },
          summary: { 'total-successful-session-count': 90, 'total-failure-session-count': 10 },
          'failure-details': [
            {
              'result-type': 'certificate-expired',
              'receiving-mx-hostname': 'mx.shop.test',
              'failed-session-count': 7,
            },
            { 'result-type': 'starttls-not-supported', 'failed-session-count': 3 },
          ],
        },
      ],
    }),
  );
}

it('SRV-130 a DMARC report that is posted in gzip is kept by source', async () => {
  const report = dmarcReport('r-90', [
    ['192.0.2.1', 40, 'pass', 'pass'],
    ['192.0.2.1', 2, 'fail', 'pass'],
    ['198.51.100.9', 5, 'fail', 'fail'],
  ]);
  const posted = await call('POST', '/v1/reports', gzipSync(report), { 'content-type': 'application/gzip' });
  expect(posted).toMatchObject({ status: 200, body: { data: [{ kind: 'dmarc', domain: 'shop.test' }] } });
  const { body } = await call('GET', `/v1/reports/${posted.body.data[0].id}`);
  expect(body).toMatchObject({
    organization: 'receiver.example',
    policy: 'reject',
    messages: 47,
    aligned: 42,
    sources: [
      { ip: '192.0.2.1', messages: 42, aligned: 42, dkimAligned: 40, spfAligned: 42, rejected: 0 },
      { ip: '198.51.100.9', messages: 5, aligned: 0, rejected: 5 },
    ],
    omittedSources: 0,
  });
});

it('SRV-131 a TLS report that comes by mail is kept by kind of failure', async () => {
  const inbound = await service.server.listenInbound({
    host: '127.0.0.1',
    port: 0,
    hostname: 'mail.shop.test',
    domains: ['bounces.shop.test'],
  });
  const sender = createTransport({ host: inbound.host, port: inbound.port, ignoreTLS: true });
  await sender.sendMail({
    from: 'tls@receiver.example',
    to: 'tls@bounces.shop.test',
    subject: 'Report Domain: shop.test',
    text: 'A report is attached.',
    attachments: [
      {
        filename: 'report.json.gz',
        content: gzipSync(tlsReport('r-91')),
        contentType: 'application/tlsrpt+gzip',
      },
    ],
  });
  const { body } = await call('GET', '/v1/reports?kind=tls&domain=shop.test');
  expect(body.data).toMatchObject([
    {
      kind: 'tls',
      succeeded: 90,
      failed: 10,
      failures: [
        { resultType: 'certificate-expired', mx: 'mx.shop.test', sessions: 7 },
        { resultType: 'starttls-not-supported', sessions: 3 },
      ],
    },
  ]);
});

it('SRV-132 a letter of a person to the address of reports is refused', async () => {
  const inbound = await service.server.listenInbound({
    host: '127.0.0.1',
    port: 0,
    hostname: 'mail.shop.test',
    domains: ['bounces.shop.test'],
  });
  const sender = createTransport({ host: inbound.host, port: inbound.port, ignoreTLS: true });
  const letter = { from: 'ann@receiver.example', to: 'tls@bounces.shop.test', subject: 'Hello', text: 'Hi' };
  await expect(sender.sendMail(letter)).rejects.toMatchObject({ responseCode: 550 });
});

it('SRV-133 a report that comes twice is kept once', async () => {
  const report = dmarcReport('r-93', [['192.0.2.7', 1, 'pass', 'pass']]);
  const post = () => call('POST', '/v1/reports', report, { 'content-type': 'application/xml' });
  const [first, second] = [await post(), await post()];
  expect(second.body.data[0].id).toBe(first.body.data[0].id);
});

it('SRV-134 reports are summed up by domain, source and kind of failure', async () => {
  const own = await startService({ host: 9 });
  try {
    const ask = await own.withKey();
    const xml = { 'content-type': 'application/xml' };
    await ask('POST', '/v1/reports', dmarcReport('a', [['192.0.2.1', 10, 'pass', 'fail']]), xml);
    const second = dmarcReport('b', [
      ['192.0.2.1', 5, 'fail', 'fail'],
      ['192.0.2.2', 1, 'pass', 'pass'],
    ]);
    await ask('POST', '/v1/reports', second, xml);
    await ask('POST', '/v1/reports', tlsReport('c'), { 'content-type': 'application/json' });
    const { body } = await ask('GET', '/v1/reports/totals?days=2');
    expect(body).toMatchObject({
      reports: 3,
      complete: true,
      dmarc: [
        {
          domain: 'shop.test',
          messages: 16,
          aligned: 11,
          sources: [
            { ip: '192.0.2.1', messages: 15, aligned: 10 },
            { ip: '192.0.2.2', messages: 1, aligned: 1 },
          ],
        },
      ],
      tls: [{ domain: 'shop.test', succeeded: 90, failed: 10, failures: [{ sessions: 7 }, { sessions: 3 }] }],
    });
  } finally {
    await own[Symbol.asyncDispose]();
  }
});

it('SRV-135 what is no report is refused', async () => {
  const answer = await call('POST', '/v1/reports', Buffer.from('Hello'), {
    'content-type': 'application/gzip',
  });
  expect(answer).toMatchObject({ status: 422, body: { code: 'MB_MIME_REPORT_SYNTAX' } });
});

it('SRV-136 a report with very many sources keeps those with most messages, and says how many it left out', async () => {
  const rows = Array.from(
    { length: 1000 },
    (_, n) => [`2001:db8::${n.toString(16)}`, n + 1, 'pass', 'pass'] as const,
  );
  const { body } = await call('POST', '/v1/reports', dmarcReport('r-96', rows), {
    'content-type': 'application/xml',
  });
  const [{ sources, omittedSources, messages }] = body.data;
  expect(sources[0]).toMatchObject({ ip: '2001:db8::3e7', messages: 1000 });
  expect(sources.length + omittedSources).toBe(1000);
  expect(messages).toBe(500_500);
});

it('SRV-137 reports need a key of all tenants', async () => {
  const tenant = await service.withKey({ tenant: 'shop' });
  expect((await tenant('GET', '/v1/reports')).status).toBe(403);
  expect((await tenant('GET', '/v1/reports/totals')).status).toBe(403);
});
