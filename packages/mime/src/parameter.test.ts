import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerText } from '../test/arbitraries.ts';
import { codeOf, composeText } from '../test/compose-text.ts';
import { foldHeader, formatParameter, parseMessage, parseParameters, unfoldHeader } from './index.ts';

const hardNames = [
  'plain.pdf',
  'two words.pdf',
  'quo"te.pdf',
  "apo'strophe.pdf",
  '100%.pdf',
  'größe.pdf',
  '日本語.pdf',
  '👨‍👩‍👧‍👦.png',
  'שלום.pdf',
  `${'long-'.repeat(59)}name.pdf`,
  `${'ü'.repeat(296)}.pdf`,
  '=?utf-8?q?x?=.pdf',
  'semi;colon=equals.pdf',
  ' space .pdf ',
  '.htaccess',
  '__proto__',
];

describe('formatParameter', () => {
  it('MIME-32 gives a file name back through fold and parse, in lines of at most 78', () => {
    for (const name of hardNames) {
      const field = foldHeader(
        'Content-Disposition',
        ['attachment', ...formatParameter('filename', name)].join('; '),
      );
      for (const line of field.split('\r\n')) expect(line.length).toBeLessThanOrEqual(78);
      expect(parseParameters(unfoldHeader(field.slice(21, -2))).parameters.get('filename')).toBe(name);
    }
  });

  it('MIME-46 encodes angle brackets around a value, which Python takes off', () => {
    expect(formatParameter('filename', '<a b>')).toEqual(["filename*=utf-8''%3Ca%20b%3E"]);
  });

  it('MIME-32 sends a file name per RFC 2231 with a fallback of the same ending', async () => {
    for (const filename of hardNames) {
      const text = await composeText({ attachments: [{ filename, content: 'x' }] });
      const message = await parseMessage(Buffer.from(text, 'latin1'));
      const part = message.attachments[0]!;
      expect(part.filename).toBe(filename);
      const fallback = part.parameters.get('name')!;
      expect(fallback).toMatch(/^[ -~]{1,64}$/);
      if (/\.\w{3}$/.test(filename)) expect(fallback.slice(-4)).toBe(filename.slice(-4));
      expect(text).not.toContain('=?');
    }
  });

  it('MIME-39 lets no path or control character pass, in either direction', async () => {
    for (const filename of ['a\0b', 'a\nb', 'a/\rb', '', '.', '..']) {
      expect(await codeOf(() => composeText({ attachments: [{ filename, content: '' }] }))).toBe(
        'MB_MIME_FILENAME',
      );
    }
    const received = (field: string) =>
      parseMessage(
        new TextEncoder().encode(`Content-Type: image/png\r\nContent-Disposition: ${field}\r\n\r\n`),
      );
    const name = async (field: string) => (await received(field)).attachments[0]?.filename;
    expect(await name('attachment; filename="../../etc/passwd"')).toBe('passwd');
    expect(await name('attachment; filename="C:\\\\x\\\\y.exe"')).toBe('y.exe');
    expect(await name("attachment; filename*=utf-8''..%2F%2e%2e%2Fa%00%0a.txt")).toBe('a.txt');
    expect(await name('attachment; filename=".."')).toBeUndefined();
  });

  it('MIME-17 never writes an encoded-word in a parameter', () => {
    for (const value of ['é', '=?utf-8?q?x?=', 'a b é'])
      expect(formatParameter('name', value).join()).not.toContain('=?');
  });

  it('refuses names that are no tokens and values with controls', async () => {
    for (const name of ['', 'a b', 'a*', "a'b", 'é'])
      expect(await codeOf(() => formatParameter(name, 'x'))).toBe('MB_MIME_PARAMETER');
    for (const value of ['a\nb', 'a\0', '\x7f'])
      expect(await codeOf(() => formatParameter('a', value))).toBe('MB_MIME_PARAMETER');
  });

  it('comes back, whatever the text', () => {
    fc.assert(
      fc.property(headerText(400), (text) => {
        const value = text.replace(/[\x01-\x1f\x7f]/g, '');
        const written = formatParameter('n', value).join('; ');
        expect(written).toMatch(/^[ -~]*$/);
        expect(parseParameters(`a/b; ${written}; z=1`).parameters.get('n')).toBe(value.toWellFormed());
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseParameters', () => {
  const get = (text: string, name: string) => parseParameters(text).parameters.get(name);

  it('reads tokens, quotes, comments and odd spacing', () => {
    expect(parseParameters('Text/HTML (x;y) ; Charset = "us\\"x" ;; b=c d;e')).toEqual({
      value: 'text/html',
      parameters: new Map([
        ['charset', 'us"x'],
        ['b', 'c d'],
        ['e', ''],
      ]),
    });
    expect(get('a/b; n="open', 'n')).toBe('open');
    expect(get('a/b; n="x;y"', 'n')).toBe('x;y');
    expect(get('a/b; n=1; n=2', 'n')).toBe('1');
  });

  it('MIME-65 takes __proto__ and constructor as ordinary parameter names', () => {
    expect(get('a/b; __proto__=x', '__proto__')).toBe('x');
    expect(get('a/b', 'constructor')).toBeUndefined();
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  // The examples of RFC 2231 §3 and §4.1.
  it('reads continuations and charsets', () => {
    expect(get('message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/x"', 'url')).toBe(
      'ftp://cs.utk.edu/x',
    );
    const title =
      "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"";
    expect(get(title, 'title')).toBe("This is even more ***fun*** isn't it!");
    expect(get("a/b; n*=iso-8859-1'de'%FC", 'n')).toBe('ü');
    expect(get("a/b; n*=x-none''%E4", 'n')).toBe('ä');
    expect(get("a/b; n=old; n*=utf-8''new", 'n')).toBe('new');
    expect(get('a/b; n*1=b; n*0=a; n*3=d', 'n')).toBe('abd');
    expect(get('a/b; n*=%ZZ%4', 'n')).toBe('%ZZ%4');
  });

  it('never throws', () => {
    const garbage = fc
      .array(fc.oneof(fc.constantFrom(';', '=', '"', '\\', '*', '*0*', "''", '%', '(', ')'), fc.string()))
      .map((a) => a.join(''));
    fc.assert(fc.property(garbage, (text) => parseParameters(text).parameters instanceof Map));
  });
});
