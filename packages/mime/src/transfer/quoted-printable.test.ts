import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bodyText, chunkSizes, cut } from '../../test/arbitraries.ts';
import {
  decodeQuotedPrintable,
  encodeQuotedPrintable,
  encodeQuotedPrintableOctets,
  QuotedPrintableDecoder,
  QuotedPrintableEncoder,
  type QuotedPrintableMode,
} from '../index.ts';

const utf8 = new TextEncoder();
const latin1 = (octets: Uint8Array) => Buffer.from(octets).toString('latin1');

function encodeChunks(chunks: readonly Uint8Array[], mode: QuotedPrintableMode): string {
  const encoder = new QuotedPrintableEncoder(mode);
  return chunks.map((chunk) => latin1(encoder.push(chunk))).join('') + latin1(encoder.finish());
}

function decodeChunks(chunks: readonly Uint8Array[]): Buffer {
  const decoder = new QuotedPrintableDecoder();
  return Buffer.concat([...chunks.map((chunk) => decoder.push(chunk)), decoder.finish()]);
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** RFC 2045 §6.7, one octet after the other, without a thought of speed. */
function reference(octets: Uint8Array, mode: QuotedPrintableMode): string {
  const content = latin1(octets);
  const lines = mode === 'text' ? content.split(/\r\n|\r|\n/) : [content];
  return lines.map(referenceLine).join('\r\n');
}

function referenceLine(line: string): string {
  let out = '';
  let column = 0;
  for (const [i, octet] of [...line].entries()) {
    const literal = /[!-<>-~]/.test(octet) || (/[ \t]/.test(octet) && i < line.length - 1);
    const hex = octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
    const written = literal ? octet : `=${hex}`;
    if (column + written.length > 75) {
      out += '=\r\n';
      column = 0;
    }
    out += written;
    column += written.length;
  }
  return out;
}

/** Octets in runs of the kinds that an encoder tells apart, long enough for several lines. */
const runs = fc
  .array(
    fc.oneof(
      fc.array(fc.constantFrom(...octetsOf('abc <>~!\t =')), { maxLength: 90 }),
      fc.array(fc.integer({ min: 128, max: 255 }), { maxLength: 60 }),
      fc.constantFrom(...['\r\n', '\r', '\n', ' \r\n', '\t\n', '  \r', '\x00\x1f\x7f'].map(octetsOf)),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => Uint8Array.from(pieces.flat()));

function octetsOf(text: string): number[] {
  return [...Buffer.from(text, 'latin1')];
}

describe('encodeQuotedPrintable', () => {
  it('MIME-20 MIME-67 breaks lines at 76 characters and never inside =XX', () => {
    for (let lead = 0; lead < 80; lead++) {
      const encoded = encodeQuotedPrintable(`${'x'.repeat(lead)}${'é'.repeat(60)}`);
      for (const line of encoded.split('\r\n')) {
        expect(line.length).toBeLessThanOrEqual(76);
        expect(line).toMatch(/^(?:[^=]|=[0-9A-F]{2})*=?$/);
      }
    }
    expect(encodeQuotedPrintable('a'.repeat(76))).toBe(`${'a'.repeat(75)}=\r\na`);
    expect(encodeQuotedPrintable('a'.repeat(75))).toBe('a'.repeat(75));
  });

  it('MIME-68 encodes a blank at the end of a line and of the content, also when a chunk ends there', () => {
    expect(encodeQuotedPrintable('a \nb\t\r\nc ')).toBe('a=20\r\nb=09\r\nc=20');
    expect(encodeChunks([utf8.encode('a '), utf8.encode('\nb')], 'text')).toBe('a=20\r\nb');
    expect(encodeChunks([utf8.encode('a '), utf8.encode('b')], 'text')).toBe('a b');
    expect(encodeQuotedPrintable(`${'a'.repeat(74)} \nb`)).toBe(`${'a'.repeat(74)}=\r\n=20\r\nb`);
  });

  it('MIME-69 writes CR, LF and CRLF as line breaks in text and as octets in binary content', () => {
    expect(encodeQuotedPrintable('a\rb\nc\r\nd')).toBe('a\r\nb\r\nc\r\nd');
    expect(encodeQuotedPrintable(utf8.encode('a\rb\nc\r\nd '))).toBe('a=0Db=0Ac=0D=0Ad=20');
    expect(encodeChunks([utf8.encode('a\r'), utf8.encode('\nb')], 'text')).toBe('a\r\nb');
    expect(encodeChunks([utf8.encode('a\r'), utf8.encode('b')], 'text')).toBe('a\r\nb');
    expect(encodeChunks([utf8.encode('a\r')], 'text')).toBe('a\r\n');
  });

  it('MIME-06 MIME-80 writes a lone surrogate as U+FFFD and keeps its neighbours', () => {
    expect(encodeQuotedPrintable('a\ud800b')).toBe('a=EF=BF=BDb');
  });

  it.each([
    ['vectors', {}],
    ['JavaScript alone', { WebAssembly: undefined }],
  ])('MIME-70 writes what RFC 2045 says, whatever the chunks, by %s', async (_, globals) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    vi.resetModules();
    const { QuotedPrintableEncoder: Encoder } = await import('./quoted-printable.ts');
    fc.assert(
      fc.property(runs, chunkSizes, fc.constantFrom('text', 'binary'), (octets, sizes, mode) => {
        const encoder = new Encoder(mode);
        const pieces = cut(octets, sizes).map((chunk) => latin1(encoder.push(chunk)));
        expect(pieces.join('') + latin1(encoder.finish())).toBe(reference(octets, mode));
        expect(latin1(new Encoder(mode).finish(octets))).toBe(reference(octets, mode));
      }),
    );
  });

  it('MIME-70 encodes long content like short content, characters over 127 at every place', () => {
    for (let lead = 0; lead < 4; lead++) {
      const text = 'x'.repeat(lead) + 'é\u{1f600}日 \r\n'.repeat(9000);
      const octets = utf8.encode(text);
      expect(encodeQuotedPrintable(text)).toBe(reference(octets, 'text'));
      expect(encodeQuotedPrintable(octets)).toBe(reference(octets, 'binary'));
      expect(encodeChunks([octets], 'text')).toBe(reference(octets, 'text'));
    }
    expect(encodeQuotedPrintable(`${'y'.repeat(100_000)}\ud83d`)).toMatch(/=EF=BF=BD$/);
  });

  it('MIME-71 gives octets of exactly the text, of a string and of octets, in both modes', () => {
    fc.assert(
      fc.property(fc.oneof(bodyText, runs), (input) => {
        const octets = typeof input === 'string' ? utf8.encode(input) : input;
        for (const mode of ['text', 'binary'] as const)
          expect(latin1(encodeQuotedPrintableOctets(input, { mode }))).toBe(reference(octets, mode));
        const mode = typeof input === 'string' ? 'text' : 'binary';
        expect(latin1(encodeQuotedPrintableOctets(input))).toBe(reference(octets, mode));
      }),
    );
    expect(latin1(encodeQuotedPrintableOctets('a\ud800b'))).toBe('a=EF=BF=BDb');
    expect(encodeQuotedPrintableOctets('')).toEqual(new Uint8Array(0));
    const long = 'é\u{1f600}日 \r\n'.repeat(9000);
    expect(latin1(encodeQuotedPrintableOctets(long))).toBe(encodeQuotedPrintable(long));
  });

  it('MIME-71 gives octets back in binary mode, and text with CRLF line ends, whatever the chunks', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), chunkSizes, (octets, sizes) => {
        const encoded = encodeQuotedPrintable(octets);
        expect(encodeChunks(cut(octets, sizes), 'binary')).toBe(encoded);
        expect(Buffer.from(decodeQuotedPrintable(encoded))).toEqual(Buffer.from(octets));
        expect(Math.max(...encoded.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(76);
      }),
    );
    fc.assert(
      fc.property(bodyText, chunkSizes, (text, sizes) => {
        const encoded = encodeQuotedPrintable(text);
        expect(encodeChunks(cut(utf8.encode(text), sizes), 'text')).toBe(encoded);
        expect(encoded).toMatch(/^(?:(?:[!-<>-~\t ]|=[0-9A-F]{2}|=?\r\n))*$/);
        expect(encoded).not.toMatch(/[ \t](?:\r\n|$)/);
        const lines = text.replace(/\r\n|\r|\n/g, '\r\n');
        expect(Buffer.from(decodeQuotedPrintable(encoded))).toEqual(Buffer.from(utf8.encode(lines)));
      }),
    );
  });
});

describe('decodeQuotedPrintable', () => {
  const decode = (text: string) => latin1(decodeQuotedPrintable(text));

  it('MIME-25 takes lower-case digits, bare LF, white space behind a soft break and at line ends', () => {
    expect(decode('=c3=A9=e4')).toBe('\xc3\xa9\xe4');
    expect(decode('a= \t\r\nb=\nc')).toBe('abc');
    expect(decode('a  \t\r\nb \nc ')).toBe('a\r\nb\nc');
  });

  it('MIME-25 leaves what is no sequence as it is', () => {
    expect(decode('a=b =ZZ =4 x=3')).toBe('a=b =ZZ =4 x=3');
    expect(decode('a=')).toBe('a');
    expect(decode('==41')).toBe('=A');
  });

  it('MIME-38 never throws on garbage, and chunks do not change the result', () => {
    const garbage = fc
      .array(
        fc.oneof(
          fc.constantFrom('=', '==', '=4', '=41', ' ', '\t', '\r', '\n', '\r\n', '= \r\n'),
          fc.string(),
        ),
      )
      .map((pieces) => utf8.encode(pieces.join('')));
    fc.assert(
      fc.property(garbage, chunkSizes, (octets, sizes) => {
        expect(decodeChunks(cut(octets, sizes))).toEqual(Buffer.from(decodeQuotedPrintable(octets)));
      }),
    );
  });
});
