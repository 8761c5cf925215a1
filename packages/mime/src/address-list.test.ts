import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerText } from '../test/arbitraries.ts';
import { codeOf } from '../test/compose-text.ts';
import { readReceived } from './address-recovery.ts';
import {
  canonicalAddress,
  composeMessage,
  domainToAscii,
  formatAddress,
  formatPhrase,
  type Mailbox,
  MimeError,
  parseAddressList,
  parseMailbox,
  wireAddress,
} from './index.ts';

describe('parseAddressList', () => {
  it('reads mailboxes, names, groups and comments', () => {
    expect(
      parseAddressList(
        'Ann <ann@example.com>, team: bob@example.com, "C, D" <c@example.com>;, e@example.com',
      ),
    ).toEqual([
      { name: 'Ann', address: 'ann@example.com', localPart: 'ann', domain: 'example.com' },
      {
        name: 'team',
        members: [
          { address: 'bob@example.com', localPart: 'bob', domain: 'example.com' },
          { name: 'C, D', address: 'c@example.com', localPart: 'c', domain: 'example.com' },
        ],
      },
      { address: 'e@example.com', localPart: 'e', domain: 'example.com' },
    ]);
    expect(parseAddressList('')).toEqual([]);
    expect(parseAddressList('undisclosed-recipients:;')).toEqual([
      { name: 'undisclosed-recipients', members: [] },
    ]);
    expect(parseMailbox('=?utf-8?q?J=C3=BCrgen?= <j@example.com>').name).toBe('Jürgen');
  });

  it.each([
    ['"a>b"@example.com', 'a>b', '"a>b"@example.com'],
    ['"a b"@example.com', 'a b', '"a b"@example.com'],
    ['"a\\"b"@example.com', 'a"b', '"a\\"b"@example.com'],
    ['<"a@b"@example.com>', 'a@b', '"a@b"@example.com'],
    [
      '"user@other.example x"@internal.example',
      'user@other.example x',
      '"user@other.example x"@internal.example',
    ],
    ['""@example.com', '', '""@example.com'],
    ["o'brien+x=y@example.com", "o'brien+x=y", "o'brien+x=y@example.com"],
    ['Joe.Doe@Example.COM', 'Joe.Doe', 'Joe.Doe@Example.COM'],
    ['jürgen@example.com', 'jürgen', 'jürgen@example.com'],
  ])('ADDR-01 sends %s as it is given', (text, localPart, address) => {
    const mailbox = parseMailbox(text);
    expect(mailbox.localPart).toBe(localPart);
    expect(mailbox.address).toBe(address);
    expect(composeMessage({ from: 'a@example.com', to: text }).envelope.to).toEqual([address]);
    expect(parseMailbox(formatAddress({ ...mailbox, name: 'N' }))).toEqual({ name: 'N', ...mailbox });
  });

  it('ADDR-25 routes a quoted local part with an @ to the domain behind it', () => {
    expect(parseMailbox('"user@other.example x"@internal.example').domain).toBe('internal.example');
    expect(parseMailbox('"a\\"@evil.example,"@internal.example').domain).toBe('internal.example');
  });

  it('ADDR-02 compares domains in lower-case A-labels', () => {
    expect(canonicalAddress(parseMailbox('joe@Example.COM'))).toBe('joe@example.com');
    expect(domainToAscii('faß.de')).toBe('xn--fa-hia.de');
    expect(domainToAscii('BÜCHER.example')).toBe('xn--bcher-kva.example');
    expect(domainToAscii('例え.テスト')).toBe('xn--r8jz45g.xn--zckzah');
    expect(domainToAscii('a。b')).toBe('a.b');
    expect(domainToAscii('[IPv6:2001:DB8::1]')).toBe('[ipv6:2001:db8::1]');
    expect(wireAddress(parseMailbox('Joe@faß.DE'))).toBe('Joe@xn--fa-hia.de');
  });

  it('ADDR-31 compares local parts unquoted, with their case', () => {
    const canonical = (text: string) => canonicalAddress(parseMailbox(text));
    expect(canonical('"joe"@x.test')).toBe('joe@x.test');
    expect(canonical('Joe@x.test')).toBe('Joe@x.test');
    expect(canonical('"a b"@x.test')).toBe('"a b"@x.test');
  });

  it.each([
    ['a@example.com.', 'MB_MIME_DOMAIN'],
    ['a@.example.com', 'MB_MIME_DOMAIN'],
    ['a@example..com', 'MB_MIME_DOMAIN'],
    ['a@-a.example', 'MB_MIME_DOMAIN'],
    ['a@a-.example', 'MB_MIME_DOMAIN'],
    [`a@${'l'.repeat(64)}.example`, 'MB_MIME_ADDRESS_LENGTH'],
    [`a@${'l.'.repeat(127)}example`, 'MB_MIME_ADDRESS_LENGTH'],
    [`${'l'.repeat(65)}@example.com`, 'MB_MIME_ADDRESS_LENGTH'],
    [`${'é'.repeat(33)}@example.com`, 'MB_MIME_ADDRESS_LENGTH'],
    [`"${'l '.repeat(32)}"@example.com`, 'MB_MIME_ADDRESS_LENGTH'],
    [
      `${'l'.repeat(64)}@${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.example`,
      'MB_MIME_ADDRESS_LENGTH',
    ],
  ])('ADDR-03 refuses %s with %s', async (text, code) => {
    expect(await codeOf(() => parseMailbox(text))).toBe(code);
  });

  it('ADDR-03 takes what is just short enough', () => {
    expect(
      parseMailbox(`${'l'.repeat(64)}@${'d'.repeat(63)}.${'d'.repeat(63)}.${'d'.repeat(61)}`).localPart,
    ).toHaveLength(64);
  });

  it.each([
    ['a@h:25', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a@h/x', 'MB_MIME_DOMAIN'],
    ['a@h?x', 'MB_MIME_DOMAIN'],
    ['a@h%41', 'MB_MIME_DOMAIN'],
    ['a@é%41', 'MB_MIME_DOMAIN'],
    ['a@é:25', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a@１.２.３.４', 'MB_MIME_DOMAIN'],
    ['"a\tb"@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['"a\0b"@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['"a\r\nb"@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a\0b@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a@h\0.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['"a\ud800"@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a@[1.2.3]', 'MB_MIME_DOMAIN'],
    ['a@[IPv6:zz]', 'MB_MIME_DOMAIN'],
    ['a@[1.2.3.4', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a b@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['.a@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a.@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a..b@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['"a"."b".@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a@', 'MB_MIME_ADDRESS_SYNTAX'],
    ['@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['<a@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['Doe, John <j@h.test>', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a@b@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['"a@h.test', 'MB_MIME_ADDRESS_SYNTAX'],
    ['a@h.test (c', 'MB_MIME_ADDRESS_SYNTAX'],
    ['', 'MB_MIME_ADDRESS_COUNT'],
    ['a@h.test, b@h.test', 'MB_MIME_ADDRESS_COUNT'],
  ])('ADDR-04 refuses %j with %s', async (text, code) => {
    expect(await codeOf(() => parseMailbox(text))).toBe(code);
  });

  it('ADDR-05 reads comments, obsolete routes, obsolete local parts and literals', () => {
    const address = (text: string) => parseMailbox(text).address;
    expect(address('(a(b)c) joe (x) @ (y) example . com (John \\) Doe)')).toBe('joe@example.com');
    expect(parseMailbox('joe@example.com (John \\) Doe)').name).toBe('John ) Doe');
    expect(address('<@a.test,@b.test:joe@example.com>')).toBe('joe@example.com');
    expect(address('joe . doe@example.com')).toBe('joe.doe@example.com');
    expect(address('"joe x".doe@example.com')).toBe('"joe x.doe"@example.com');
    expect(address('joe@[192.0.2.1]')).toBe('joe@[192.0.2.1]');
    expect(address('joe@[IPv6:2001:db8::1]')).toBe('joe@[IPv6:2001:db8::1]');
  });

  it('ADDR-26 answers 100,000 nested comments or groups with a typed error', async () => {
    const deep = 100_000;
    expect(await codeOf(() => parseAddressList('('.repeat(deep)))).toBe('MB_MIME_ADDRESS_NESTING');
    expect(await codeOf(() => parseAddressList(`${'('.repeat(deep)}${')'.repeat(deep)}a@b.test`))).toBe(
      'MB_MIME_ADDRESS_NESTING',
    );
    expect(await codeOf(() => parseAddressList('g:'.repeat(deep)))).toBe('MB_MIME_ADDRESS_SYNTAX');
    expect(await codeOf(() => parseAddressList('<'.repeat(deep)))).toBe('MB_MIME_ADDRESS_SYNTAX');
  });

  it('ADDR-07 never decodes an encoded-word in an address', () => {
    const mailbox = parseMailbox('=?utf-8?q?a=40evil.example=2C?=@internal.example');
    expect(mailbox.localPart).toBe('=?utf-8?q?a=40evil.example=2C?=');
    expect(mailbox.domain).toBe('internal.example');
    expect(parseMailbox('=?utf-8?q?=3Cx=40evil.example=3E?= <a@internal.example>').domain).toBe(
      'internal.example',
    );
  });

  it('throws only its own errors, whatever the text', () => {
    const garbage = fc
      .array(
        fc.oneof(
          fc.constantFrom(
            '@',
            '<',
            '>',
            '"',
            '(',
            ')',
            ',',
            ';',
            ':',
            '\\',
            '.',
            '[',
            ']',
            ' ',
            'a',
            '=?u?q?x?=',
          ),
          fc.string(),
        ),
      )
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(garbage, (text) => {
        readReceived(text);
        try {
          for (const one of parseAddressList(text))
            expect(parseAddressList(formatAddress(one))).toEqual([one]);
        } catch (error) {
          if (!MimeError.isInstance(error)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('formatAddress', () => {
  it('MIME-09 quotes a display name only when it must be, and always then', () => {
    expect(formatPhrase('Ann Example')).toBe('Ann Example');
    expect(formatPhrase("Ann O'Neil-Smith & Co!")).toBe("Ann O'Neil-Smith & Co!");
    for (const special of ',"\\.()@:;<>[]') {
      const phrase = formatPhrase(`a${special}b`);
      expect(phrase.startsWith('"') && phrase.endsWith('"')).toBe(true);
      expect(parseMailbox(`${phrase} <a@example.com>`).name).toBe(`a${special}b`);
    }
    expect(formatPhrase('Grüße, Ann')).toBe('=?UTF-8?Q?Gr=C3=BC=C3=9Fe=2C_Ann?=');
  });

  it('MIME-09 gives every name back', () => {
    fc.assert(
      fc.property(headerText(300), fc.boolean(), (name, utf8) => {
        fc.pre(name !== '');
        const text = formatAddress({ name, address: 'a@example.com' }, { utf8 });
        const { name: back, address } = parseMailbox(text) as Mailbox;
        expect(address).toBe('a@example.com');
        expect(back).toBe(name.toWellFormed());
      }),
      { numRuns: 500 },
    );
  });

  it('writes groups', () => {
    const [group] = parseAddressList('team: a@example.com, B <b@example.com>;');
    expect(formatAddress(group!)).toBe('team: a@example.com, B <b@example.com>;');
    expect(formatAddress({ name: 'none', members: [] })).toBe('none:;');
  });
});
