import fc from 'fast-check';

/** Text that mail breaks on: scripts, emoji sequences, direction marks, controls, lone surrogates, white space. */
const hardText = (maxLength = 60): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 12 }) },
        { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }) },
        { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
        fc.constantFrom(
          ' ',
          '  ',
          '\t',
          'é',
          'ß',
          '日本語',
          'עברית',
          '\u202eمرحبا',
          '👨‍👩‍👧‍👦',
          '🇩🇪',
          '\ud800',
          '\udc00',
          '=?utf-8?q?x?=',
          '=?',
          '?=',
          '\\',
          '"',
          '%41',
          ';',
          ',',
          '<a@b>',
          '(c)',
          '.',
          "'",
          '*',
          '\x01',
          '\x7f',
          'w'.repeat(90),
        ),
      ),
      { maxLength: 12 },
    )
    .map((pieces) => pieces.join('').slice(0, maxLength));

/** Hard text without the characters that no header takes. */
export const headerText = (maxLength = 120): fc.Arbitrary<string> =>
  hardText(maxLength).map((text) => text.replace(/[\0\r\n]/g, ''));

/** Lines of text with all kinds of line ends, dots and white space at the edges, and long words. */
export const bodyText: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.oneof(
        hardText(200),
        fc.constantFrom(
          '',
          '.',
          '..',
          '.x',
          'From me',
          ' ',
          '\t',
          'x ',
          '-- ',
          '--',
          `${'y'.repeat(3000)}`,
          '=',
          '=20',
        ),
      ),
      fc.constantFrom('\n', '\r\n', '\r', ''),
    ),
    { maxLength: 8 },
  )
  .map((lines) => lines.flat().join(''));

/** A cut of octets into chunks. */
export function cut(octets: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; at < octets.length; i++) {
    const size = Math.max(1, sizes.length === 0 ? octets.length : sizes[i % sizes.length]!);
    chunks.push(octets.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Sizes of chunks, single octets included. */
export const chunkSizes: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 6 });
