import { describe, expect, it } from 'vitest';
import {
  canonicalAddress,
  composeMessage,
  domainToAscii,
  formatAddress,
  formatPhrase,
  type Message,
  MimeError,
  parseAddressList,
  parseMailbox,
  parseMessage,
  readAddressList,
  wireAddress,
} from './index.ts';

const base: Message = { from: 'a@example.com', to: 'b@example.net', text: 'hi' };

async function textOf(message: Message): Promise<string> {
  return Buffer.from(await composeMessage(message).bytes()).toString();
}

async function fieldOf(message: Message, name: string): Promise<string> {
  const text = (await textOf(message)).replace(/\r\n[ \t]/g, ' ');
  return new RegExp(`^${name}: (.*)\r$`, 'm').exec(text)?.[1] ?? '';
}

function errorOf(action: () => unknown): MimeError {
  try {
    action();
  } catch (error) {
    if (MimeError.isInstance(error)) return error;
    throw error;
  }
  throw new Error(`nothing was thrown by ${String(action)}`);
}

const hostile = [
  'a@b.c>\r\nBcc: <evil@x.test',
  'a@b.c\r\nBcc: evil@x.test',
  'a@b.c>, <evil@x.test',
  'a@b.c, evil@x.test',
  'a@b.c\0',
  'a@b.c (x',
  '"a@b.c',
  'team: a@b.c;',
  'a b@c.test',
  'a@b c.test',
  'a@b.c:25',
  'a',
  '@b.c',
  '',
  ' ',
];

const wrongTypes = [
  undefined,
  null,
  5,
  true,
  {},
  [],
  () => '',
  Symbol('x'),
  { address: 5 },
  { address: null },
];

describe('addresses that are written', () => {
  it.each(hostile)('ADDR-15 nothing but an address goes out: %j', (address) => {
    const localPart = address.slice(0, Math.max(0, address.lastIndexOf('@')));
    const domain = address.slice(address.lastIndexOf('@') + 1);
    for (const write of [
      () => formatAddress({ name: 'x', address }),
      () => formatAddress({ address, localPart, domain }),
      () => formatAddress({ name: 'g', members: [{ address, localPart, domain }] }),
      () => wireAddress({ address }),
      () => wireAddress({ address, localPart: 'a', domain: 'b.c' } as { address: string }),
      () => composeMessage({ ...base, to: { address } }),
      () =>
        composeMessage({ ...base, to: { address, localPart: 'a', domain: 'b.c' } as { address: string } }),
      () => composeMessage({ ...base, envelope: { to: [address] } }),
    ]) {
      expect(errorOf(write).code).toMatch(/^MB_MIME_(?:ADDRESS|DOMAIN)/);
    }
  });

  it('ADDR-15 a canonical address holds no control characters and no second address', () => {
    for (const [localPart, domain] of [
      ['a', 'b.c>\r\nBcc: <evil@x.test'],
      ['a@b.c>\r\nBcc: <evil', 'x.test'],
      ['a\r\n', 'b.c'],
      ['a', 'b.c, evil@x.test'],
      ['a', ''],
      ['a', '[1.2.3.4>'],
    ] as const) {
      expect(errorOf(() => canonicalAddress({ localPart, domain })).code).toMatch(
        /^MB_MIME_(?:ADDRESS|DOMAIN)/,
      );
    }
    expect(canonicalAddress({ localPart: 'a>, <b', domain: 'Example.com' })).toBe('"a>, <b"@example.com');
  });

  it('ADDR-16 answers values of a wrong type with typed errors', () => {
    for (const value of wrongTypes) {
      const wrong = value as never;
      for (const call of [
        () => parseAddressList(wrong),
        () => readAddressList(wrong),
        () => parseMailbox(wrong),
        () => formatAddress(wrong),
        () => formatAddress({ name: 'g', members: wrong }),
        () => formatAddress({ name: 'g', members: [wrong] }),
        () => formatAddress({ name: Symbol('x') as never, address: 'a@b.c' }),
        () => canonicalAddress(wrong),
        () => canonicalAddress({ localPart: wrong, domain: 'b.c' }),
        () => canonicalAddress({ localPart: 'a', domain: wrong }),
        () => wireAddress(wrong),
        () => domainToAscii(wrong),
        () => formatPhrase(wrong),
        () => composeMessage({ ...base, to: [wrong] }),
        () => composeMessage({ ...base, to: { name: 'g', members: [wrong] } }),
        () => composeMessage({ ...base, sender: wrong ?? 5 }),
        () => composeMessage({ ...base, inReplyTo: [wrong] }),
        () => composeMessage({ ...base, headers: { 'Resent-To': [wrong] } }),
      ]) {
        if (Array.isArray(value) && value.length === 0 && String(call).includes('members: wrong')) continue;
        expect(errorOf(call).code, `${String(call)} ${String(value)}`).toMatch(/^MB_MIME_/);
      }
    }
    expect(errorOf(() => parseAddressList('', { strict: true } as never)).code).toBe('MB_MIME_OPTION');
    expect(errorOf(() => parseAddressList('a@b.c', { addresses: 'lenient' as never })).code).toBe(
      'MB_MIME_OPTION',
    );
    expect(errorOf(() => composeMessage({ ...base, addresses: 'lenient' as never })).code).toBe(
      'MB_MIME_OPTION',
    );
  });

  it.each([
    0x200b, 0xfeff, 0x202e, 0x2028, 0x2029, 0x85, 0xad, 0xa0, 0x3000, 0x2060, 0x61c, 0xfe0f, 0xe0041, 0x200d,
  ])(
    'ADDR-13 ADDR-14 refuses the invisible character %i when composing and reports it when reading',
    async (code) => {
      const address = `a${String.fromCodePoint(code === 0x200d ? 0x200b : code)}b@example.com`;
      const joiner = `1${String.fromCodePoint(code)}2@example.com`;
      for (const one of code === 0x200d ? [joiner] : [address, joiner]) {
        expect(errorOf(() => parseMailbox(one)).code).toBe('MB_MIME_ADDRESS_SYNTAX');
        expect(errorOf(() => composeMessage({ ...base, to: one, addresses: 'as-received' })).code).toBe(
          'MB_MIME_ADDRESS_SYNTAX',
        );
        const { to, defects } = await parseMessage(Buffer.from(`To: ${one}\r\n\r\n`));
        expect(to).toMatchObject([{ address: one }]);
        expect(defects).toContainEqual({ code: 'address-invalid', path: '' });
      }
    },
  );

  it('ADDR-13 accepts letters of all scripts, with the joiners that they need', () => {
    for (const address of [
      'jürgen@example.com',
      'उपयोगकर्ता@example.com',
      'می\u200cخواهم@example.com',
      '用户@例え.テスト',
    ])
      expect(parseMailbox(address).address).toBe(address);
  });
});

const odd: readonly (readonly [received: string, wire: string])[] = [
  ['a..b@docomo.example', '"a..b"@docomo.example'],
  ['ann..x.@example.com', '"ann..x."@example.com'],
  ['.a@example.com', '".a"@example.com'],
  ['end.@docomo.example', '"end."@docomo.example'],
  [`reply+${'A'.repeat(80)}@example.com`, `reply+${'A'.repeat(80)}@example.com`],
  [`${'b'.repeat(200)}@${'d.'.repeat(60)}example`, `${'b'.repeat(200)}@${'d.'.repeat(60)}example`],
  ['a@example.com.', 'a@example.com'],
];

describe('what was received can be answered', () => {
  it.each(odd)('ADDR-17 ADDR-28 writes to %s when it is told to', async (address, wire) => {
    const error = errorOf(() => composeMessage({ ...base, to: address }));
    expect(error.code).toMatch(/^MB_MIME_(?:ADDRESS|DOMAIN)/);
    if (!address.endsWith('.')) expect(error.message).toContain("addresses: 'as-received'");
    const message: Message = { ...base, to: { name: 'Ann', address }, addresses: 'as-received' };
    expect(composeMessage(message).envelope.to).toEqual([wire]);
    expect(await fieldOf(message, 'To')).toBe(`Ann <${wire}>`);
    expect(parseMailbox(address, { addresses: 'as-received' }).localPart).toBe(
      address.slice(0, address.indexOf('@')),
    );
    expect(
      composeMessage({ ...base, envelope: { from: address }, addresses: 'as-received' }).envelope.from,
    ).toBe(wire);
  });

  it.each(odd)('ADDR-19 accepts the mailbox of a parsed message: %s', async (address, wire) => {
    const { from, replyTo } = await parseMessage(
      Buffer.from(`From: Ann <${address}>\r\nReply-To: ${address}\r\n\r\n`),
    );
    expect(composeMessage({ ...base, to: from }).envelope.to).toEqual([wire]);
    expect(composeMessage({ ...base, to: { name: 'g', members: replyTo as never } }).envelope.to).toEqual([
      wire,
    ]);
    expect(formatAddress(from[0]!)).toBe(`Ann <${wire}>`);
    const back = await parseMessage(Buffer.from(await textOf({ ...base, to: from })));
    expect(canonicalAddress(back.to[0] as never)).toBe(canonicalAddress(from[0] as never));
  });

  it.each([
    '<é1@example.com>',
    `<${'a'.repeat(940)}@x>`,
    `<${'a'.repeat(995)}>`,
    '<a b@example.com>',
    '<"a b"@example.com>',
    '<1@[192.0.2.1]>',
    '<no-at-sign>',
    '<<1@example.com>',
    '<"a>b"@example.com>',
    '<a\r\n\tb@example.com>',
  ])('ADDR-20 repeats the identifier of a received message: %s', async (id) => {
    const received = await parseMessage(
      Buffer.from(`From: a@example.com\r\nMessage-ID: ${id}\r\nReferences: <0@example.com> ${id}\r\n\r\n`),
    );
    const message = {
      ...base,
      inReplyTo: received.messageId!,
      references: [...received.references, received.messageId!],
    };
    const answer = await parseMessage(Buffer.from(await textOf(message)));
    expect(answer.inReplyTo).toEqual([received.messageId]);
    expect(answer.references).toEqual(message.references);
    const text = await textOf({ ...base, inReplyTo: received.messageId! });
    for (const line of text.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(998);
  });

  it('ADDR-20 says that an identifier in UTF-8 needs SMTPUTF8, and refuses what no field can hold', async () => {
    expect(composeMessage({ ...base, inReplyTo: '<é1@example.com>' }).requires.smtputf8).toBe(true);
    expect(composeMessage({ ...base, inReplyTo: '<e1@example.com>' }).requires.smtputf8).toBe(false);
    for (const id of ['', '<>', 'a\r\nBcc: x', 'a>b', 'a'.repeat(996)])
      expect(errorOf(() => composeMessage({ ...base, inReplyTo: [id] })).code).toBe('MB_MIME_MESSAGE_ID');
  });

  it('ADDR-21 reads a line break in an encoded subject or name as a space, with a defect', async () => {
    const received = await parseMessage(
      Buffer.from(
        'From: =?utf-8?Q?Ann=0ADoe=0D=0A?= <a@example.com>\r\nSubject: =?utf-8?Q?Hello=0D=0AWorld=00=0A?=\r\n\r\n',
      ),
    );
    expect(received.subject).toBe('Hello World');
    expect(received.from).toMatchObject([{ name: 'Ann Doe' }]);
    expect(received.defects.map(({ code }) => code).sort()).toEqual(['address-invalid', 'header-line-break']);
    const answer: Message = { ...base, to: received.from, subject: `Re: ${received.subject}` };
    expect(await fieldOf(answer, 'Subject')).toBe('Re: Hello World');
  });
});

const custom: readonly (readonly [name: string, value: string, written: string])[] = [
  [
    'Disposition-Notification-To',
    '"Jürgen Müller, Ltd" <j@example.com>',
    '=?UTF-8?Q?J=C3=BCrgen_M=C3=BCller=2C_Ltd?= <j@example.com>',
  ],
  ['Resent-From', 'Jürgen <j@example.com>', '=?UTF-8?Q?J=C3=BCrgen?= <j@example.com>'],
  [
    'Resent-To',
    'info@müller.example, Ann <ann@example.com>',
    'info@xn--mller-kva.example, Ann <ann@example.com>',
  ],
  [
    'Resent-Cc',
    'Team Ü: a@example.com, b@example.com;',
    '=?UTF-8?Q?Team_=C3=9C?=: a@example.com, b@example.com;',
  ],
  ['Resent-Sender', 'j@example.com', 'j@example.com'],
  ['Resent-Reply-To', '"Doe, J." <j@example.com>', '"Doe, J." <j@example.com>'],
  ['Errors-To', 'Jürgen Müller <j@example.com>', '=?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?= <j@example.com>'],
  ['return-receipt-to', 'j@müller.example', 'j@xn--mller-kva.example'],
  ['Author', 'Jürgen <j@example.com>', '=?UTF-8?Q?J=C3=BCrgen?= <j@example.com>'],
];

describe('custom address fields', () => {
  it.each(custom)('ADDR-22 writes %s as an address field', async (name, value, written) => {
    expect(await fieldOf({ ...base, headers: { [name]: value } }, name)).toBe(written);
  });

  it('ADDR-22 needs SMTPUTF8 for a local part in UTF-8, and refuses what is not an address', () => {
    expect(
      composeMessage({ ...base, headers: { 'Resent-To': 'jürgen@example.com' } }).requires.smtputf8,
    ).toBe(true);
    for (const value of [
      '',
      'nobody',
      'a@b.c\r\nBcc: x@y.test',
      'a@b.c,\r\n d@e.f',
      'Jürgen, Müller <j@example.com>',
    ]) {
      const error = errorOf(() => composeMessage({ ...base, headers: [['Resent-To', value]] }));
      expect([error.kind, error.code]).toEqual([
        'invalid-input',
        expect.stringMatching(/_ADDRESS_SYNTAX|_HEADER_VALUE/),
      ]);
    }
    expect(
      composeMessage({ ...base, addresses: 'as-received', headers: { 'Resent-To': 'a..b@example.com' } }),
    ).toBeDefined();
  });

  it('ADDR-23 ADDR-30 says of an invalid address where it was, what it was, and that a user may have typed it', () => {
    const long = `bad address ${'x'.repeat(100)}\r\n`;
    const cases: readonly (readonly [Message, object])[] = [
      [
        { ...base, to: ['a@example.com', 'bad\u0007'] },
        { field: 'to', index: 1, value: 'bad\ufffd' },
      ],
      [
        { ...base, to: 'bad' },
        { field: 'to', value: 'bad' },
      ],
      [
        { ...base, cc: [{ name: 'x', address: 'bad' }] },
        { field: 'cc', index: 0, value: 'bad' },
      ],
      [
        { ...base, bcc: [long] },
        { field: 'bcc', index: 0, value: long.slice(0, 80) },
      ],
      [
        { ...base, from: 'a@b@c' },
        { field: 'from', value: 'a@b@c' },
      ],
      [
        { ...base, sender: 'a@-b' },
        { field: 'sender', value: 'a@-b', code: 'MB_MIME_DOMAIN' },
      ],
      [
        { ...base, replyTo: ['a@b.c, d@e.f'] },
        { field: 'replyTo', index: 0, code: 'MB_MIME_ADDRESS_COUNT' },
      ],
      [
        { ...base, envelope: { from: 'bad' } },
        { field: 'envelope.from', value: 'bad' },
      ],
      [
        { ...base, envelope: { to: ['a@b.c', 'bad'] } },
        { field: 'envelope.to', index: 1, value: 'bad' },
      ],
      [
        { ...base, headers: { 'Errors-To': 'bad' } },
        { field: 'Errors-To', value: 'bad' },
      ],
      [
        { ...base, to: [{ name: 'g', members: ['a@b.c', 'bad'] }] },
        { field: 'to', index: 0, value: 'bad' },
      ],
    ];
    for (const [message, place] of cases)
      expect(errorOf(() => composeMessage(message))).toMatchObject({ kind: 'invalid-input', ...place });
    expect(errorOf(() => composeMessage({ ...base, subject: 'a\r\nb' })).kind).toBe('invalid-input');
    expect(errorOf(() => composeMessage({ ...base, to: 5 as never })).kind).toBe('api-misuse');
  });
});
