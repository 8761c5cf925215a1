import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { chunkSizes, cut } from '../../test/arbitraries.ts';
import { codeOf } from '../../test/compose-text.ts';
import { Base64Decoder, Base64Encoder, decodeBase64, encodeBase64, encodeBase64Octets } from '../index.ts';
import { encodeBase64Into } from './base64.ts';

const latin1 = (octets: Uint8Array) => Buffer.from(octets).toString('latin1');

function encodeChunks(chunks: readonly Uint8Array[]): string {
  const encoder = new Base64Encoder();
  return chunks.map((chunk) => latin1(encoder.push(chunk))).join('') + latin1(encoder.finish());
}

const wrapped = (octets: Uint8Array, lineLength = 76) =>
  (
    Buffer.from(octets)
      .toString('base64')
      .match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []
  ).join('\r\n');

const large = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8) * 7) & 255);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe('encodeBase64', () => {
  it('MIME-21 MIME-78 writes 76-character lines, none of them empty, as the platform encodes', () => {
    for (let length = 0; length < 400; length++) {
      const octets = Uint8Array.from({ length }, (_, i) => (i * 37) & 255);
      expect(encodeBase64(octets)).toBe(wrapped(octets));
      expect(encodeBase64(octets, { lineLength: 0 })).toBe(Buffer.from(octets).toString('base64'));
    }
    expect(encodeBase64(new Uint8Array(0))).toBe('');
  });

  it('MIME-72 gives the same output however the input is cut, and comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), chunkSizes, (octets, sizes) => {
        expect(encodeChunks(cut(octets, sizes))).toBe(wrapped(octets));
        expect(Buffer.from(decodeBase64(encodeBase64(octets)))).toEqual(Buffer.from(octets));
      }),
    );
    for (const size of [57, 58, 4096, 65_536, 100_001])
      expect(encodeChunks(cut(large, [size]))).toBe(wrapped(large));
  });

  it('MIME-72 writes the same at odd and even offsets', () => {
    const octets = Uint8Array.from({ length: 100 }, (_, i) => i);
    for (const offset of [0, 1, 2, 3]) {
      const out = new Uint8Array(200);
      const end = encodeBase64Into(octets, out, offset);
      expect(latin1(out.subarray(offset, end))).toBe(wrapped(octets));
    }
  });

  it.each([
    ['vectors', {}],
    ['JavaScript alone', { WebAssembly: undefined }],
  ])('MIME-72 fills blocks and lines of any length, by %s', async (_, globals) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    vi.resetModules();
    const { encodeBase64: encode } = await import('./base64.ts');
    const block = 43_605; // octets that base64-lines.ts encodes at once
    for (let lineLength = 4; lineLength <= 996; lineLength += 4) {
      const octets = large.subarray(0, lineLength * 2);
      expect(encode(octets, { lineLength })).toBe(wrapped(octets, lineLength));
    }
    for (const lineLength of [4, 8, 76, 996]) {
      const octetsPerLine = (lineLength / 4) * 3;
      const lines = block - (block % octetsPerLine);
      for (const length of [block, block + 1, lines - 1, lines, lines + 1, lines + octetsPerLine, 200_000]) {
        const octets = large.subarray(0, length);
        expect(encode(octets, { lineLength })).toBe(wrapped(octets, lineLength));
        expect(encode(octets, { lineLength: 0 })).toBe(Buffer.from(octets).toString('base64'));
      }
    }
  });

  it('MIME-72 gives octets of exactly the text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.constantFrom(0, 4, 76, 996), (octets, lineLength) => {
        expect(latin1(encodeBase64Octets(octets, { lineLength }))).toBe(
          lineLength === 0 ? Buffer.from(octets).toString('base64') : wrapped(octets, lineLength),
        );
        expect(latin1(encodeBase64Octets(octets))).toBe(encodeBase64(octets));
      }),
    );
    expect(latin1(encodeBase64Octets(large))).toBe(wrapped(large));
  });

  it('MIME-72 gives the same octets where the runtime has no Buffer', () => {
    const withBuffer = encodeBase64Octets(large);
    expect(withBuffer.constructor).toBe(Uint8Array);
    vi.stubGlobal('Buffer', undefined);
    const without = encodeBase64Octets(large);
    vi.unstubAllGlobals();
    expect(latin1(without)).toBe(latin1(withBuffer));
  });

  it('refuses a line length that no quantum fits', async () => {
    for (const lineLength of [-4, 3, 1000, 1.5, Number.NaN]) {
      for (const encode of [encodeBase64, encodeBase64Octets])
        expect(await codeOf(() => encode(new Uint8Array(1), { lineLength }))).toBe('MB_MIME_OPTION');
    }
  });
});

describe('decodeBase64', () => {
  it('MIME-25 skips junk and takes missing padding', () => {
    expect(latin1(decodeBase64('aG\r\nk*= '))).toBe('hi');
    expect(latin1(decodeBase64('aGk'))).toBe('hi');
    expect(latin1(decodeBase64('aA'))).toBe('h');
    expect(latin1(decodeBase64('aGk=aGk='))).toBe('hihi');
    expect(latin1(decodeBase64('=\u0100é='))).toBe('');
    expect(latin1(decodeBase64('a'))).toBe('');
  });

  it('MIME-38 never throws on garbage, and chunks do not change the result', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), chunkSizes, (octets, sizes) => {
        const decoder = new Base64Decoder();
        const pieces = cut(octets, sizes).map((chunk) => decoder.push(chunk));
        expect(Buffer.concat([...pieces, decoder.finish()])).toEqual(Buffer.from(decodeBase64(octets)));
      }),
    );
  });
});
