import { type ParameterEntry, type WrongTypeWalk, wrongTypeCases } from '@mb/testkit/wrong-types';
import { expect, it } from 'vitest';
import * as aggregate from './aggregate-report.ts';
import * as calendar from './calendar.ts';
import * as charsets from './charsets.ts';
import * as dataUrl from './data-url.ts';
import * as html from './html.ts';
import * as mime from './index.ts';
import { listFields, messageFields } from './message.ts';
import * as node from './node.ts';
import * as tls from './tls-report.ts';

const { isInstance } = mime.MimeError;
const octets = Buffer.from('From: a@example.com\r\nContent-Type: text/plain\r\n\r\nx\r\n');
const parsed = await mime.parseMessage(octets);
const message: mime.Message = { from: 'a@example.com', to: 'b@example.com', text: 'x' };
const mailbox = { address: 'a@b.example', localPart: 'a', domain: 'b.example' };
const report = mime.parseReport(
  'message/delivery-status',
  Buffer.from(
    'Reporting-MTA: dns; a.example\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\n',
  ),
)!;

const text: ParameterEntry = ['x', 'string'];
const input: ParameterEntry = [octets];
const options: ParameterEntry = [{}, 'undefined', 'object'];

const walk: WrongTypeWalk<typeof mime> = {
  composeMessage: { parameters: [[message], options], call: composed },
  parseMessage: [
    { parameters: [[octets], options] },
    { parameters: [[octets]], call: (chunk: Uint8Array) => mime.parseMessage(chunks(chunk)) },
  ],
  MessageParser: [
    { parameters: [options], call: (given: never) => new mime.MessageParser(given) },
    { parameters: [input], call: (chunk: never) => new mime.MessageParser().push(chunk) },
  ],
  parseAddressList: { parameters: [['a@b.example'], options] },
  readAddressList: { parameters: [text] },
  parseMailbox: { parameters: [['a@b.example'], options] },
  formatAddress: { parameters: [[mailbox], options] },
  wireAddress: { parameters: [[mailbox]] },
  canonicalAddress: { parameters: [[mailbox]] },
  formatPhrase: { parameters: [text, options] },
  domainToAscii: { parameters: [text] },
  readAuthor: [
    { parameters: [[parsed]] },
    { parameters: [[parsed.headers]], call: (headers: never) => mime.readAuthor({ headers }) },
    {
      parameters: [[[], 'undefined', 'array']],
      call: (defects: never) => mime.readAuthor({ headers: parsed.headers, defects }),
    },
  ],
  formatDate: { parameters: [[new Date(0), 'number']] },
  parseDate: { parameters: [text] },
  decodeWords: { parameters: [text, options] },
  encodeWords: { parameters: [text, options] },
  decodeFlowed: { parameters: [text, options] },
  HeaderBlock: [
    { parameters: [[[], 'array']], call: (fields: never) => new mime.HeaderBlock(fields) },
    { parameters: [text], call: (name: never) => parsed.headers.get(name) },
    { parameters: [text], call: (name: never) => parsed.headers.getAll(name) },
  ],
  HeaderField: { parameters: [input], call: (raw: never) => new mime.HeaderField(raw) },
  parseHeaderBlock: { parameters: [input, [5, 'undefined', 'number']] },
  findHeaderEnd: { parameters: [input, [5, 'undefined', 'number']] },
  foldHeader: { parameters: [text, text] },
  unfoldHeader: { parameters: [text] },
  formatParameter: { parameters: [text, text] },
  parseParameters: { parameters: [text, options] },
  rawPart: { parameters: [input, [parsed.root]] },
  parseReport: { parameters: [['message/delivery-status', 'string'], input] },
  readReport: { parameters: [[parsed]] },
  formatReport: { parameters: [[report]] },
  Base64Decoder: { parameters: [input], call: (chunk: never) => new mime.Base64Decoder().push(chunk) },
  Base64Encoder: { parameters: [input], call: (chunk: never) => new mime.Base64Encoder().push(chunk) },
  decodeBase64: { parameters: [['aa', 'string']] },
  encodeBase64: { parameters: [input, options] },
  encodeBase64Octets: { parameters: [input, options] },
  decodeQuotedPrintable: { parameters: [['aa', 'string']] },
  encodeQuotedPrintable: { parameters: [['aa', 'string'], options] },
  encodeQuotedPrintableOctets: { parameters: [['aa', 'string'], options] },
  QuotedPrintableDecoder: {
    parameters: [input],
    call: (chunk: never) => new mime.QuotedPrintableDecoder().push(chunk),
  },
  QuotedPrintableEncoder: [
    { parameters: [['text']], call: (mode: never) => new mime.QuotedPrintableEncoder(mode) },
    { parameters: [input], call: (chunk: never) => new mime.QuotedPrintableEncoder('text').push(chunk) },
    {
      parameters: [[octets, 'undefined']],
      call: (chunk: never) => new mime.QuotedPrintableEncoder('text').finish(chunk),
    },
  ],
  MimeError: 'none',
};

const reportParameters = [input, options];
const cases = [
  ...wrongTypeCases(mime, walk, isInstance),
  ...wrongTypeCases(charsets, { decodeCharset: { parameters: [input, text] } }, isInstance),
  ...wrongTypeCases(
    aggregate,
    {
      parseAggregateReport: { parameters: reportParameters },
      findAggregateReport: { parameters: [[parsed], options] },
    },
    isInstance,
  ),
  ...wrongTypeCases(
    tls,
    { parseTlsReport: { parameters: reportParameters }, findTlsReport: { parameters: [[parsed], options] } },
    isInstance,
  ),
  ...wrongTypeCases(html, { textFromHtml: { parameters: [text, options] } }, isInstance),
  ...wrongTypeCases(dataUrl, { inlineDataUrls: { parameters: [text, options] } }, isInstance),
  ...wrongTypeCases(calendar, { calendarParts: { parameters: [[{}]] } }, isInstance),
  ...wrongTypeCases(
    node,
    { fileAttachment: { parameters: [[import.meta.filename], options] } },
    (error) => isInstance(error) || (error as { readonly syscall?: string }).syscall !== undefined,
  ),
];

it.each(cases)('OPT-06 $name', ({ check }) => check(), 2000);

/** Values for fields of a message, inside other fields as well. */
const fields: Readonly<Record<string, (value: never) => unknown>> = {
  ...Object.fromEntries(Object.keys(messageFields).map((field) => [field, (value) => ({ [field]: value })])),
  'headers value': (value) => ({ headers: { 'X-A': value } }),
  'headers values': (value) => ({ headers: { 'X-A': [value] } }),
  'headers pair': (value) => ({ headers: [value] }),
  'headers name': (value) => ({ headers: [[value, 'x']] }),
  'group members': (value) => ({ to: { name: 'g', members: value } }),
  'group member': (value) => ({ to: { name: 'g', members: [value] } }),
  'group name': (value) => ({ to: { name: value, members: [] } }),
  name: (value) => ({ to: { name: value, address: 'a@b.example' } }),
  'reference in list': (value) => ({ references: [value] }),
  alternative: (value) => ({ alternatives: [value] }),
  'alternative type': (value) => ({ alternatives: [{ contentType: value, content: 'x' }] }),
  'alternative content': (value) => ({ alternatives: [{ contentType: 'text/x', content: value }] }),
  attachment: (value) => ({ attachments: [value] }),
  ...Object.fromEntries(
    [
      'filename',
      'content',
      'contentType',
      'contentId',
      'disposition',
      'size',
      'headers',
      'message',
      'part',
    ].map((key) => [`attachment ${key}`, (value) => ({ attachments: [{ content: 'x', [key]: value }] })]),
  ),
  ...Object.fromEntries(
    Object.keys(listFields).map((key) => [`list ${key}`, (value) => ({ list: { [key]: value } })]),
  ),
  'list id name': (value) => ({ list: { id: { name: value, id: 'a.example' } } }),
  'list id id': (value) => ({ list: { id: { id: value } } }),
  'envelope from': (value) => ({ envelope: { from: value } }),
  'envelope to': (value) => ({ envelope: { to: value } }),
  'envelope recipient': (value) => ({ envelope: { to: [value] } }),
  'report record': (value) => ({ report: { record: value } }),
  'report original': (value) => ({ report: { record: mime.formatReport(report), original: value } }),
  'report message': (value) => ({
    report: { record: mime.formatReport(report), original: { message: value } },
  }),
  'report headers': (value) => ({
    report: { record: mime.formatReport(report), original: { headers: value } },
  }),
};
const any = ['undefined', 'number', 'boolean', 'string', 'function', 'array', 'object', 'length'] as const;

it.each(
  wrongTypeCases(
    Object.fromEntries(Object.keys(fields).map((name) => [name, composed])),
    Object.fromEntries(
      Object.entries(fields).map(([name, fieldOf]) => [
        name,
        {
          parameters: [['x', ...any]] as const,
          call: (value: never) => composed({ ...message, ...(fieldOf(value) as object) } as never),
        },
      ]),
    ) as never,
    isInstance,
  ),
)('OPT-06 a message with $name', ({ check }) => check(), 2000);

it('OPT-06 composeMessage checks what its functions return', () => {
  for (const wrong of [undefined, 5, 'x', [], {}] as never[]) {
    expect(() => mime.composeMessage(message, { randomBytes: () => wrong })).toThrowError(
      expect.objectContaining({ code: 'MB_MIME_OPTION' }),
    );
    if (wrong !== 5)
      expect(() => mime.composeMessage(message, { now: () => wrong })).toThrowError(
        expect.objectContaining({ code: 'MB_MIME_DATE' }),
      );
  }
});

it('OPT-01 names the key that was probably meant', () => {
  for (const [given, meant] of Object.entries({
    domian: 'domain',
    randomByte: 'randomBytes',
    DOMAIN: 'domain',
  }))
    expect(() => dataUrl.inlineDataUrls('', { [given]: 'x' })).toThrow(`did you mean "${meant}"?`);
  expect(() => dataUrl.inlineDataUrls('', { xy: 'x' } as never)).toThrow(
    'inlineDataUrls: options has no key "xy". Known keys: domain, randomBytes.',
  );
});

it('OPT-02 names the path and what is wanted', () => {
  const attachments = [{ content: 'x' }, { content: 'x', filenam: 'y' }] as never;
  expect(() => mime.composeMessage({ ...message, attachments })).toThrow(
    'composeMessage: message.attachments[1] has no key "filenam"; did you mean "filename"?',
  );
  expect(() => new mime.MessageParser({ limits: { maxParts: -1 } })).toThrow(
    'options.limits.maxParts must be an integer from 0 to',
  );
});

function composed(given: never, options?: never): Promise<Uint8Array> {
  return mime.composeMessage(given, options).bytes();
}

async function* chunks(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}
