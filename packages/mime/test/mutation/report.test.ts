import { mutateOctets, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { describe, expect, it } from 'vitest';
import { parseAggregateReport } from '../../src/aggregate-report.ts';
import { type FormattedReport, formatReport, MimeError, parseReport } from '../../src/index.ts';
import { parseTlsReport } from '../../src/tls-report.ts';
import { aggregateReports, reports, tlsReports } from './samples.ts';

const timeout = mutationTimeoutMs;

describe('parseReport', () => {
  for (const [type, sample] of Object.entries(reports)) {
    it(`MUT-01 MUT-02 never throws, and reads again what is formatted: ${mutationCount} of ${type}`, {
      timeout,
    }, async () => {
      await mutateOctets({
        name: `parseReport ${type}`,
        samples: [sample],
        words: [
          '\r\n',
          '\r\n\r\n',
          ': ',
          ';',
          'rfc822;',
          'Status: ',
          'Action: ',
          'Final-Recipient: ',
          '5.1.1',
          '/',
        ],
        check(octets) {
          const report = parseReport(type, octets);
          if (report === undefined) return 'refused';
          let written: FormattedReport;
          try {
            written = formatReport(report);
          } catch (error) {
            if (!MimeError.isInstance(error)) throw error;
            return 'refused';
          }
          // Formatting cleans what other hosts said, so it is the text that must stay the same from then on.
          const again = parseReport(written.contentType, Buffer.from(written.text));
          expect(again && formatReport(again).text).toBe(written.text);
          return 'accepted';
        },
      });
    });
  }
});

for (const [name, samples, parse] of [
  ['parseAggregateReport', aggregateReports, parseAggregateReport],
  ['parseTlsReport', tlsReports, parseTlsReport],
] as const) {
  it(`MUT-01 ${name} gives a report, or MB_MIME_REPORT_SYNTAX or _SIZE: ${mutationCount} reports`, {
    timeout,
  }, async () => {
    await mutateOctets({
      name,
      samples,
      words: [
        '<',
        '>',
        '</',
        '&',
        '&#0;',
        '&#x110000;',
        '<![CDATA[',
        ']]>',
        '<!--',
        '{',
        '}',
        '[',
        ']',
        '"',
        ':',
        'null',
        '<record>',
      ],
      check(octets) {
        try {
          parse(octets);
          return 'accepted';
        } catch (error) {
          if (!MimeError.isInstance(error)) throw error;
          expect(error.code).toMatch(/^MB_MIME_REPORT_(SYNTAX|SIZE)$/);
          return 'refused';
        }
      },
    });
  });
}
