import { type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { expect, it } from 'vitest';
import { phraseOptions } from './address.ts';
import { formatAddressOptions } from './address-format.ts';
import { addressParseOptions } from './address-list.ts';
import * as aggregate from './aggregate-report.ts';
import * as calendar from './calendar.ts';
import { calendarInput } from './calendar.ts';
import { charsetOptions } from './charset.ts';
import * as charsets from './charsets.ts';
import { composeOptions } from './compose.ts';
import * as dataUrl from './data-url.ts';
import { encodedWordOptions } from './encoded-word.ts';
import { flowedOptions } from './format-flowed.ts';
import * as html from './html.ts';
import * as mime from './index.ts';
import { parseLimits } from './limits.ts';
import { messageFields } from './message.ts';
import { parserOptions } from './message-parser.ts';
import * as node from './node.ts';
import { fileAttachmentOptions } from './node.ts';
import { reportOptions } from './report-archive.ts';
import * as tls from './tls-report.ts';
import { base64Options } from './transfer/base64.ts';
import { quotedPrintableOptions } from './transfer/quoted-printable.ts';

/** The table as a walk takes it: a row is an object; `missing` are those that must be given. */
function rows(table: object, ...missing: string[]): Record<string, object> {
  return Object.fromEntries(
    Object.keys(table).map((key) => [key, missing.includes(key) ? { required: true } : {}]),
  );
}

const octets = new Uint8Array([65]);
const message = { from: 'a@example.com', to: 'b@example.com', subject: 'x', text: 'y' };
const full: mime.Message = {
  ...message,
  alternatives: [{ contentType: 'text/calendar', content: 'x' }],
  attachments: [{ filename: 'a.txt', content: 'x' }],
  list: { id: 'list.example.com' },
  envelope: { from: 'a@example.com', to: ['b@example.com'] },
};
const none = { decodeCharset: () => undefined };

const walk: OptionWalk<typeof mime> = {
  composeMessage: [
    {
      valid: { body: '8bit', headers: 'utf8' },
      table: rows(composeOptions),
      call: (o: never) => mime.composeMessage(message, o),
    },
    {
      valid: full,
      table: rows(messageFields),
      fields: true,
      call: (given: never) => mime.composeMessage(given),
    },
  ],
  parseMessage: [
    {
      valid: { limits: { maxParts: 5 } },
      table: rows(parserOptions),
      call: (o: never) => mime.parseMessage(octets, o),
    },
    {
      valid: { maxParts: 5 },
      table: rows(parseLimits),
      call: (limits: never) => mime.parseMessage(octets, { limits }),
    },
  ],
  MessageParser: [
    {
      valid: { limits: { maxParts: 5 } },
      table: rows(parserOptions),
      call: (o: never) => new mime.MessageParser(o),
    },
  ],
  parseAddressList: [
    {
      valid: { decodeWords: false },
      table: rows(addressParseOptions),
      call: (o: never) => mime.parseAddressList('a@b.example', o),
    },
  ],
  parseMailbox: [
    {
      valid: {},
      table: { decodeWords: {}, addresses: {} },
      call: (o: never) => mime.parseMailbox('a@b.example', o),
    },
  ],
  encodeBase64: [
    {
      valid: { lineLength: 8 },
      table: rows(base64Options),
      call: (o: never) => mime.encodeBase64(octets, o),
    },
  ],
  encodeBase64Octets: [
    { valid: {}, table: rows(base64Options), call: (o: never) => mime.encodeBase64Octets(octets, o) },
  ],
  encodeQuotedPrintable: [
    {
      valid: { mode: 'text' },
      table: rows(quotedPrintableOptions),
      call: (o: never) => mime.encodeQuotedPrintable('x', o),
    },
  ],
  encodeQuotedPrintableOctets: [
    {
      valid: {},
      table: rows(quotedPrintableOptions),
      call: (o: never) => mime.encodeQuotedPrintableOctets('x', o),
    },
  ],
  decodeFlowed: [
    { valid: { delSp: true }, table: rows(flowedOptions), call: (o: never) => mime.decodeFlowed('x', o) },
  ],
  encodeWords: [
    { valid: { column: 3 }, table: rows(encodedWordOptions), call: (o: never) => mime.encodeWords('x', o) },
  ],
  decodeWords: [{ valid: none, table: rows(charsetOptions), call: (o: never) => mime.decodeWords('x', o) }],
  parseParameters: [
    { valid: none, table: rows(charsetOptions), call: (o: never) => mime.parseParameters('x', o) },
  ],
  formatPhrase: [
    { valid: { utf8: true }, table: rows(phraseOptions), call: (o: never) => mime.formatPhrase('x', o) },
  ],
  formatAddress: [
    {
      valid: { utf8: true },
      table: rows(formatAddressOptions),
      call: (o: never) => mime.formatAddress({ address: 'a@b.example' }, o),
    },
  ],
  canonicalAddress: 'none',
  wireAddress: 'none',
  readAddressList: 'none',
  readAuthor: 'result',
  formatDate: 'result',
  parseDate: 'none',
  domainToAscii: 'none',
  MimeError: 'none',
  HeaderBlock: 'none',
  HeaderField: 'none',
  parseHeaderBlock: 'none',
  findHeaderEnd: 'none',
  foldHeader: 'none',
  unfoldHeader: 'none',
  formatParameter: 'none',
  rawPart: 'none',
  parseReport: 'none',
  readReport: 'none',
  formatReport: 'result',
  Base64Decoder: 'none',
  Base64Encoder: 'none',
  decodeBase64: 'none',
  decodeQuotedPrintable: 'none',
  QuotedPrintableDecoder: 'none',
  QuotedPrintableEncoder: 'none',
};

const nodeWalk: OptionWalk<typeof node> = {
  fileAttachment: [
    {
      valid: { filename: 'a.txt' },
      table: rows(fileAttachmentOptions),
      call: (options: never) => node.fileAttachment(import.meta.filename, options),
    },
  ],
};

const limits = { limits: { maxBytes: 9 } };
const parsed = await mime.parseMessage(octets);
const page = '<p>x</p>';

const cases = [
  ...optionCases(mime, walk, 'MB_MIME_OPTION'),
  ...optionCases(node, nodeWalk, 'MB_MIME_OPTION'),
  ...optionCases(charsets, { decodeCharset: 'none' }, 'MB_MIME_OPTION'),
  ...optionCases(
    aggregate,
    {
      parseAggregateReport: [
        {
          valid: limits,
          table: rows(reportOptions),
          call: (o: never) => aggregate.parseAggregateReport(octets, o),
        },
      ],
      findAggregateReport: [
        {
          valid: limits,
          table: rows(reportOptions),
          call: (o: never) => aggregate.findAggregateReport(parsed, o),
        },
      ],
    },
    'MB_MIME_OPTION',
  ),
  ...optionCases(
    tls,
    {
      parseTlsReport: [
        { valid: limits, table: rows(reportOptions), call: (o: never) => tls.parseTlsReport(octets, o) },
      ],
      findTlsReport: [
        { valid: limits, table: rows(reportOptions), call: (o: never) => tls.findTlsReport(parsed, o) },
      ],
    },
    'MB_MIME_OPTION',
  ),
  ...optionCases(
    html,
    {
      textFromHtml: [
        {
          valid: { links: true },
          table: rows(html.textFromHtmlOptions),
          call: (o: never) => html.textFromHtml(page, o),
        },
      ],
    },
    'MB_MIME_OPTION',
  ),
  ...optionCases(
    dataUrl,
    {
      inlineDataUrls: [
        {
          valid: { domain: 'example.com' },
          table: rows(dataUrl.inlineDataUrlOptions),
          call: (o: never) => dataUrl.inlineDataUrls(page, o),
        },
      ],
    },
    'MB_MIME_OPTION',
  ),
  ...optionCases(
    calendar,
    {
      calendarParts: [
        {
          valid: { method: 'REQUEST', content: 'x' },
          table: rows(calendarInput),
          fields: true,
          call: (o: never) => calendar.calendarParts(o),
        },
      ],
    },
    'MB_MIME_OPTION',
  ),
];
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());

it('OPT-11 takes each field of a message that is undefined as not given', async () => {
  const now = () => 1e12;
  const randomBytes = (length: number) => new Uint8Array(length);
  const plain = await mime.composeMessage(message, { now, randomBytes }).bytes();
  const fields = [
    'cc bcc replyTo sender html alternatives attachments part report headers messageId inReplyTo references date list',
    'autoSubmitted precedence priority feedbackId addresses envelope',
  ]
    .join(' ')
    .split(' ');
  for (const field of fields) {
    const given = { ...message, [field]: undefined } as mime.Message;
    expect(await mime.composeMessage(given, { now, randomBytes }).bytes(), field).toEqual(plain);
  }
});
