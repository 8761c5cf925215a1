import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerText } from '../test/arbitraries.ts';
import { decodeWords, encodeWords, foldHeader, formatPhrase, parseMailbox, unfoldHeader } from './index.ts';

const WORD = /=\?UTF-8\?([QB])\?([^?]*)\?=/g;

/** The octets of each encoded-word, decoded by the platform. */
function wordOctets(text: string): Buffer[] {
  return [...text.matchAll(WORD)].map(([, encoding, payload = '']) =>
    encoding === 'B'
      ? Buffer.from(payload, 'base64')
      : Buffer.from(
          payload
            .replace(/_/g, ' ')
            .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
          'latin1',
        ),
  );
}

const samples = [
  'é'.repeat(200),
  '日本語'.repeat(80),
  '👨‍👩‍👧‍👦'.repeat(30),
  '🇩🇪🇫🇷'.repeat(40),
  `${'x'.repeat(60)} é`,
  `${'x'.repeat(2500)}`,
  'Привет, мир! '.repeat(20),
];

describe('encodeWords', () => {
  it('MIME-01 writes words of at most 75 characters', () => {
    for (const sample of samples) {
      for (const context of ['text', 'phrase'] as const) {
        const words = [...encodeWords(sample, { context, column: 9 }).matchAll(WORD)];
        expect(words.length).toBeGreaterThan(0);
        for (const [word] of words) expect(word.length).toBeLessThanOrEqual(75);
      }
    }
  });

  it('MIME-81 writes lines with words of at most 76 characters', () => {
    for (const sample of samples) {
      for (const context of ['text', 'phrase'] as const) {
        const field = foldHeader('Subject', encodeWords(sample, { context, column: 9 }));
        const lines = field.split('\r\n').filter((line) => line.includes('=?'));
        expect(lines.length).toBeGreaterThan(0);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(76);
      }
    }
  });

  it('MIME-02 splits no character between two words', () => {
    const strict = new TextDecoder('utf-8', { fatal: true });
    for (const sample of samples) {
      for (let lead = 0; lead < 8; lead++) {
        for (const octets of wordOctets(encodeWords('a'.repeat(lead) + sample))) strict.decode(octets);
      }
    }
  });

  it('MIME-03 keeps the spaces between words', () => {
    for (const text of ['a é b é', 'é é', 'é  é', ' é ', 'a  b', 'é b c é', '  ', 'é\té']) {
      expect(
        decodeWords(
          unfoldHeader(foldHeader('S', encodeWords(text)))
            .slice(3)
            .trim(),
        ),
      ).toBe(text);
    }
  });

  it('MIME-04 MIME-63 uses only the characters of a phrase in a phrase, and no encoded-word inside quotes or addresses', () => {
    const all = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');
    for (const [, encoding, payload] of encodeWords(`é${all}${all}`, { context: 'phrase' }).matchAll(WORD)) {
      if (encoding === 'Q') expect(payload).toMatch(/^[A-Za-z0-9!*+\-/=_]*$/);
    }
    fc.assert(
      fc.property(headerText(), (name) => {
        const phrase = formatPhrase(name);
        if (phrase.startsWith('"')) expect(phrase).not.toContain('=?');
      }),
    );
  });

  it('MIME-05 gives text that looks like an encoded-word back literally', () => {
    for (const text of ['=?utf-8?q?x?=', 'a =?utf-8?q?x?= b', '=?', 'x=?y', '=?utf-8?q?x?=é']) {
      expect(encodeWords(text)).not.toBe(text);
      expect(decodeWords(encodeWords(text))).toBe(text);
      expect(parseMailbox(`${formatPhrase(text)} <a@example.com>`).name).toBe(text);
    }
  });

  it('MIME-06 MIME-80 writes a lone surrogate as U+FFFD and keeps its neighbours', () => {
    expect(decodeWords(encodeWords('a\ud83d b\udc00c'))).toBe('a\ufffd b\ufffdc');
    expect(decodeWords(encodeWords('\ud83d\ud83d\ude00'))).toBe('\ufffd😀');
  });

  it('leaves plain text alone and keeps the readable start', () => {
    expect(encodeWords('Hello, world: 100% (a@b) "x"')).toBe('Hello, world: 100% (a@b) "x"');
    expect(encodeWords('')).toBe('');
    expect(encodeWords('Re: Grüße')).toBe('Re: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=');
    expect(encodeWords('日本')).toBe('=?UTF-8?B?5pel5pys?=');
  });

  it('MIME-03 MIME-06 MIME-80 comes back through fold, unfold and decode, whatever the text', () => {
    fc.assert(
      fc.property(headerText(400), fc.integer({ min: 0, max: 80 }), (text, column) => {
        const field = foldHeader('Subject', encodeWords(text, { column }));
        expect(field).toMatch(/^(?:[ -~]*\r\n)+$/);
        expect(decodeWords(unfoldHeader(field).slice(9, -2))).toBe(text.toWellFormed());
      }),
      { numRuns: 500 },
    );
  });
});

describe('decodeWords', () => {
  // The examples of RFC 2047 §8.
  it.each([
    ['(=?ISO-8859-1?Q?a?=)', '(a)'],
    ['(=?ISO-8859-1?Q?a?= b)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a_b?=)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)', '(a b)'],
    ['=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>', 'Keld Jørn Simonsen <keld@dkuug.dk>'],
  ])('reads %s', (encoded, text) => {
    expect(decodeWords(encoded)).toBe(text);
  });

  it('PARSE-30 joins a character that was cut between two words of one charset, however that is spelt', () => {
    expect(decodeWords('=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=')).toBe('é');
    expect(decodeWords('=?UTF-8?B?8J+Y?= =?utf-8?q?=80?=')).toBe('😀');
    for (const label of ['utf8', 'utf_8', 'UTF-8*de', 'utf8mb4'])
      expect(decodeWords(`=?UTF-8?Q?=C3?=\r\n =?${label}?Q?=A9?=`)).toBe('é');
    expect(decodeWords('=?shift_jis?B?k/o=?= =?sjis?Q?=96?= =?cp932?Q?{?=')).toBe('日本');
  });

  it('PARSE-31 joins base64 that was cut inside a group of four characters', () => {
    const text = 'Grüße, 日本 😀!';
    const encoded = Buffer.from(text).toString('base64').replace(/=+$/, '');
    for (let cut = 1; cut < encoded.length; cut++) {
      const words = `=?utf-8?B?${encoded.slice(0, cut)}?= =?UTF8?b?${encoded.slice(cut)}?=`;
      expect(decodeWords(words), words).toBe(text);
    }
    // Words that lack only their padding are words of their own.
    expect(decodeWords('=?utf-8?B?w6k?= =?utf-8?B?w6k?= =?utf-8?B?YQ?= =?utf-8?B?Yg?=')).toBe('ééab');
  });

  it('PARSE-32 decodes ISO-2022-JP word by word, and joins words of which one does not return to ASCII', () => {
    const words = (...texts: string[]) =>
      texts.map((text) => `=?ISO-2022-JP?B?${Buffer.from(text, 'latin1').toString('base64')}?=`).join(' ');
    expect(decodeWords('=?ISO-2022-JP?B?GyRCRnwbKEI=?= =?ISO-2022-JP?B?GyRCS1wbKEI=?=')).toBe('日本');
    expect(decodeWords(words('\x1b$BF|', 'K\\\x1b(B'))).toBe('日本');
    expect(decodeWords(words('\x1b$BF', '|K\\\x1b(B', 'a'))).toBe('日本a');
    expect(decodeWords(words('\x1b$BF|', '\x1b$BK\\'))).toBe('日本');
    expect(decodeWords(words('a', '\x1b$BF|\x1b(J', 'b'))).toBe('a日b');
    expect(decodeWords('=?iso-2022-jp?Q?=1B$BF|=1B(B?= =?csISO2022JP?Q?=1B$BK=5C=1B(B?=')).toBe('日本');
  });

  it('PARSE-33 reads a word with an unknown or a wrong label as UTF-8 where it is that, and says so', () => {
    const read = (value: string) => {
      const defects: string[] = [];
      return [decodeWords(value, { onDefect: (code) => defects.push(code) }), ...defects];
    };
    expect(read('=?x-unknown?Q?a?= =?utf-8?Q?b?=')).toEqual(['ab', 'unknown-charset']);
    expect(read('=?unknown-8bit?Q?Gr=C3=BC=C3=9Fe?=')).toEqual(['Grüße', 'unknown-charset']);
    expect(read('=?x-unknown?Q?=FC?=')).toEqual(['ü', 'unknown-charset']);
    expect(read('=?us-ascii?Q?=C3=BC?=')).toEqual(['ü', 'charset-mismatch']);
    expect(read('=?iso-8859-1?Q?Gr=C3=BC=C3=9Fe?=')).toEqual(['Grüße', 'charset-mismatch']);
    expect(read('=?euc-kr?B?8J+YgA==?=')).toEqual(['😀', 'charset-mismatch']);
    expect(read('=?utf-8?Q?=FC?=')).toEqual(['\ufffd', 'charset-mismatch']);
    expect(read('=?iso-8859-1?Q?=FC?= =?us-ascii?Q?a?= =?utf-8?Q?=C3=BC?=')).toEqual(['üaü']);
  });

  it('PARSE-34 asks decodeCharset for what the platform does not know', () => {
    const decodeCharset = (octets: Uint8Array, label: string) =>
      label === 'x-own' ? `<${octets.length}>` : undefined;
    expect(decodeWords('=?X-Own?Q?abc?= =?x-own?Q?d?= =?utf-8?Q?e?=', { decodeCharset })).toBe('<4>e');
    expect(decodeWords('=?x-other?Q?abc?=', { decodeCharset })).toBe('abc');
  });

  it('reads charsets with a language, question marks and blanks in Q, and leaves malformed words as they are', () => {
    expect(decodeWords('=?utf-8*de?Q?=C3=BC?=')).toBe('ü');
    expect(decodeWords('=?utf-8?X?a?= =?utf-8?Q?a')).toBe('=?utf-8?X?a?= =?utf-8?Q?a');
    expect(decodeWords('=?utf-8?Q?a =?utf-8?Q?=C3=BC?=')).toBe('=?utf-8?Q?a ü');
    expect(decodeWords('=?utf-8?Q?what??= =?utf-8?Q? a_b =zz=?=')).toBe('what? a b =zz=');
    expect(decodeWords('=?utf-16?B?/v8A6Q==?=')).toBe('é');
    expect(decodeWords('=?shift_jis?B?k/qWew==?=')).toBe('日本');
  });

  it('never throws on garbage', () => {
    const garbage = fc
      .array(fc.oneof(fc.constantFrom('=?', '?=', '?q?', '?B?', 'utf-8', '='), fc.string()))
      .map((a) => a.join(''));
    fc.assert(fc.property(garbage, (text) => typeof decodeWords(text) === 'string'));
  });
});
