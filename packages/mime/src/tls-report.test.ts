import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../test/compose-text.ts';
import { parseMessage } from './index.ts';
import { findTlsReport, parseTlsReport } from './tls-report.ts';

/** With the fields of RFC 8460 §4.4 and the values of its example in Appendix B. */
const report = {
  'organization-name': 'Company-X',
  'date-range': { 'start-datetime': '2016-04-01T00:00:00Z', 'end-datetime': '2016-04-01T23:59:59Z' },
  'contact-info': 'sts-reporting@company-x.example',
  'report-id': '5065427c-23d3-47ca-b6e0-946ea0e8c4be',
  policies: [
    {
      policy: {
        'policy-type': 'sts',
        'policy-string': [
          'version: STSv1',
          'mode: testing',
          'mx: *.mail.company-y.example',
          'max_age: 86400',
        ],
        'policy-domain': 'company-y.example',
        'mx-host': ['*.mail.company-y.example'],
      },
      summary: { 'total-successful-session-count': 5326, 'total-failure-session-count': 303 },
      'failure-details': [
        {
          'result-type': 'certificate-expired',
          'sending-mta-ip': '2001:db8:abcd:0012::1',
          'receiving-mx-hostname': 'mx1.mail.company-y.example',
          'failed-session-count': 100,
        },
        {
          'result-type': 'validation-failure',
          'sending-mta-ip': '198.51.100.62',
          'receiving-ip': '203.0.113.58',
          'receiving-mx-hostname': 'mx-backup.mail.company-y.example',
          'failed-session-count': 3,
          'failure-reason-code': 'X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED',
        },
      ],
    },
  ],
};
const json = Buffer.from(JSON.stringify(report));

describe('TLS reports', () => {
  it('PARSE-55 reads the report of RFC 8460 Appendix B, compressed or not', () => {
    const read = parseTlsReport(json);
    expect(read).toEqual({
      kind: 'tls',
      organization: 'Company-X',
      begin: new Date('2016-04-01T00:00:00Z'),
      end: new Date('2016-04-01T23:59:59Z'),
      contactInfo: 'sts-reporting@company-x.example',
      reportId: '5065427c-23d3-47ca-b6e0-946ea0e8c4be',
      policies: [
        {
          policyType: 'sts',
          policyDomain: 'company-y.example',
          policyString: report.policies[0]!.policy['policy-string'],
          mxHosts: ['*.mail.company-y.example'],
          successfulSessions: 5326,
          failedSessions: 303,
          failures: [
            {
              resultType: 'certificate-expired',
              failedSessions: 100,
              sendingMtaIp: '2001:db8:abcd:0012::1',
              receivingMxHostname: 'mx1.mail.company-y.example',
            },
            {
              resultType: 'validation-failure',
              failedSessions: 3,
              sendingMtaIp: '198.51.100.62',
              receivingMxHostname: 'mx-backup.mail.company-y.example',
              receivingIp: '203.0.113.58',
              failureReasonCode: 'X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED',
            },
          ],
        },
      ],
    });
    for (const packed of [
      gzipSync(json),
      zipSync({ 'r.json': json }),
      gzipSync(Buffer.from(`\ufeff \n${json}`)),
    ])
      expect(parseTlsReport(packed)).toEqual(read);
  });

  it('PARSE-56 reads what reporters write otherwise', () => {
    const odd = {
      'organization-name': null,
      'date-range': 'today',
      policies: [
        null,
        {
          policy: { 'policy-type': 'STS', 'policy-string': 'version: STSv1', 'mx-host': 'mx.example.com' },
          summary: { 'total-successful-session-count': '7', 'total-failure-session-count': -1 },
          'failure-details': null,
        },
      ],
    };
    const read = parseTlsReport(Buffer.from(JSON.stringify(odd)));
    expect(read).toMatchObject({ organization: '', reportId: '' });
    expect(read.begin).toBeUndefined();
    expect(read.policies[1]).toEqual({
      policyType: 'sts',
      policyDomain: '',
      policyString: ['version: STSv1'],
      mxHosts: ['mx.example.com'],
      successfulSessions: 7,
      failedSessions: 0,
      failures: [],
    });
  });

  it('PARSE-65 answers whatever is no report with a typed error', async () => {
    for (const input of ['', '<feedback/>', '{', '{}', '{"policies":{}}', gzipSync(json).subarray(0, 50)])
      expect(await codeOf(() => parseTlsReport(Buffer.from(input)))).toBe('MB_MIME_REPORT_SYNTAX');
    const bomb = gzipSync(`{"policies":[${' '.repeat(70 << 20)}]}`);
    expect(await codeOf(() => parseTlsReport(bomb))).toBe('MB_MIME_REPORT_SIZE');
  });

  it('PARSE-55 finds the report of a message (RFC 8460 §5.3)', async () => {
    const gzip = gzipSync(json).toString('base64');
    const message = await parseMessage(
      Buffer.from(
        'Content-Type: multipart/report; report-type="tlsrpt"; boundary=b\r\n\r\n--b\r\n\r\nA report.\r\n--b\r\n' +
          'Content-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n' +
          `${gzip}\r\n--b--\r\n`,
      ),
    );
    expect(findTlsReport(message)?.organization).toBe('Company-X');
    expect(findTlsReport(await parseMessage(Buffer.from('\r\nx')))).toBeUndefined();
  });
});
