import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf, composeText } from '../test/compose-text.ts';
import { composeMessage, formatReport, parseMessage, parseReport, type Report, readReport } from './index.ts';

const utf8 = new TextEncoder();
const second = (ms: number) => new Date(Math.floor(ms / 1000) * 1000);

const delivery: Report = {
  kind: 'delivery-status',
  reportingMta: { type: 'dns', value: 'mx.example.com' },
  originalEnvelopeId: 'QQ314159',
  receivedFromMta: { type: 'dns', value: 'client.example.com' },
  arrivalDate: second(1_700_000_000_000),
  recipients: [
    {
      originalRecipient: { type: 'rfc822', value: 'louisl@example.net' },
      finalRecipient: { type: 'rfc822', value: 'louisl@example.net' },
      action: 'failed',
      status: '5.1.1',
      remoteMta: { type: 'dns', value: 'mx.example.net' },
      diagnosticCode: { type: 'smtp', value: '550 5.1.1 mailbox not found' },
      lastAttemptDate: second(1_700_000_100_000),
    },
    {
      finalRecipient: { type: 'rfc822', value: 'b@example.net' },
      action: 'delayed',
      status: '4.4.1',
      willRetryUntil: second(1_700_100_000_000),
    },
  ],
};

const feedback: Report = {
  kind: 'feedback-report',
  feedbackType: 'abuse',
  userAgent: 'SomeGenerator/1.0',
  version: '1',
  originalMailFrom: '<somespammer@example.net>',
  originalRcptTo: ['<user@example.com>'],
  arrivalDate: second(1_110_000_000_000),
  reportingMta: { type: 'dns', value: 'mail.example.com' },
  sourceIp: '192.0.2.1',
  incidents: 3,
  authenticationResults: ['mail.example.com; spf=fail smtp.mail=somespammer@example.com'],
  reportedDomain: ['example.net'],
  reportedUri: ['http://example.net/earn_money.html', 'mailto:user@example.com'],
};

const disposition: Report = {
  kind: 'disposition-notification',
  reportingUa: 'joes-pc.cs.example.com; Foomail 97.1',
  originalRecipient: { type: 'rfc822', value: 'joe@example.com' },
  finalRecipient: { type: 'rfc822', value: 'joe@example.com' },
  originalMessageId: '<199509192301.23456@example.org>',
  disposition: {
    action: 'manual-action',
    sending: 'mdn-sent-manually',
    type: 'displayed',
    modifiers: ['error'],
  },
  error: ['out of paper'],
};

describe('reports', () => {
  it.each([delivery, feedback, disposition])(
    'PARSE-05 come back as the record they were written from: $kind',
    async (record) => {
      const formatted = formatReport(record);
      const { contentType, text } = formatted;
      expect(parseReport(contentType, utf8.encode(text))).toEqual(record);
      const report = { record: formatted, original: { headers: utf8.encode('Subject: grüße\r\n') } };
      const composed = composeMessage({ from: 'a@example.com', text: 'human', report });
      const message = await parseMessage(await composed.bytes());
      expect(readReport(message)).toEqual(record);
      expect(message.text).toBe('human');
      expect(message.root.parameters.get('report-type')).toBe(record.kind);
      expect(message.root.parts.map((part) => part.contentType)).toEqual([
        'text/plain',
        contentType,
        'text/rfc822-headers',
      ]);
    },
  );

  it('PARSE-05 carries the whole message that it is about', async () => {
    const original = { message: utf8.encode('Subject: s\r\n\r\nbody\r\n') };
    const composed = composeMessage({
      from: 'a@example.com',
      envelope: { from: '' },
      report: { record: formatReport(delivery), original },
    });
    expect((await parseMessage(await composed.bytes())).root.parts[2]?.message?.subject).toBe('s');
    const eight = { message: utf8.encode('Subject: é\r\n\r\n') };
    expect(
      await codeOf(() => composeText({ report: { record: formatReport(delivery), original: eight } })),
    ).toBe('MB_MIME_NOT_SEVEN_BIT');
  });

  it('PARSE-05 reads what other hosts write', () => {
    const read = (lines: string) => parseReport('message/delivery-status', utf8.encode(lines));
    const loose = read(
      'Reporting-MTA: mx.example.com\nFinal-Recipient: RFC822;a@example.com\nAction: Failed (x)\nStatus: 5.7.1 (denied)\n',
    );
    expect(loose).toMatchObject({
      reportingMta: { type: '', value: 'mx.example.com' },
      recipients: [
        { finalRecipient: { type: 'rfc822', value: 'a@example.com' }, action: 'failed', status: '5.7.1' },
      ],
    });
    const noStatus = read(
      'Reporting-MTA: dns;x\r\n\r\n\r\nFinal-Recipient: rfc822; a@x\r\nAction: delayed\r\n\r\n',
    );
    expect(noStatus).toMatchObject({ recipients: [{ action: 'delayed', status: '4.0.0' }] });
    expect(read('Reporting-MTA: dns; x\r\n\r\nSubject: y\r\n')).toBeUndefined();
    expect(read('')).toBeUndefined();
    expect(parseReport('message/feedback-report', utf8.encode('User-Agent: x\r\n'))).toBeUndefined();
    expect(
      parseReport('message/disposition-notification', utf8.encode('Final-Recipient: rfc822; a@x\r\n')),
    ).toBeUndefined();
    expect(parseReport('text/plain', utf8.encode('x'))).toBeUndefined();
  });

  it('PARSE-05 writes any diagnostic text of another host without spoiling the report', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), (value) => {
        const record: Report = {
          ...delivery,
          recipients: [{ ...delivery.recipients[0]!, diagnosticCode: { type: 'smtp', value } }],
        };
        const { text } = formatReport(record);
        expect(text).toMatch(/^[ -~\r\n]*$/);
        for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
        const back = parseReport('message/delivery-status', utf8.encode(text));
        expect(back).toMatchObject({ recipients: [{ status: '5.1.1', action: 'failed' }] });
      }),
    );
  });

  it('writes addresses that are not ASCII in the global form', async () => {
    const finalRecipient = { type: 'utf-8', value: 'jürgen@example.com' };
    const record: Report = {
      ...delivery,
      recipients: [{ finalRecipient, action: 'failed', status: '5.1.1' }],
    };
    expect(formatReport(record).contentType).toBe('message/global-delivery-status');
    const text = await composeText({ report: { record: formatReport(record) } });
    expect(readReport(await parseMessage(Buffer.from(text, 'latin1')))).toEqual(record);
  });

  it('refuses records that are none', async () => {
    expect(await codeOf(() => formatReport({ ...delivery, recipients: [] }))).toBe('MB_MIME_REPORT');
    expect(await codeOf(() => formatReport({ ...feedback, sourceIp: 'é' }))).toBe('MB_MIME_REPORT');
    expect(await codeOf(() => formatReport({ ...feedback, sourceIp: 'a\r\nb' }))).toBe(
      'MB_MIME_HEADER_VALUE',
    );
    const recipient = { ...delivery.recipients[0]!, status: '550' };
    expect(await codeOf(() => formatReport({ ...delivery, recipients: [recipient] }))).toBe('MB_MIME_REPORT');
    const record = formatReport(delivery);
    const attached = { report: { record }, attachments: [{ content: 'x' }] };
    expect(await codeOf(() => composeText(attached))).toBe('MB_MIME_REPORT');
    for (const wrong of [
      delivery as unknown as typeof record,
      { ...record, reportType: 'feedback-report' as const },
      { ...record, contentType: 'message/delivery-status\r\nX: y' },
      { ...record, text: undefined as unknown as string },
    ]) {
      expect(await codeOf(() => composeText({ report: { record: wrong } }))).toBe('MB_MIME_REPORT');
    }
  });
});
