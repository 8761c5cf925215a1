import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ReplyTexts } from './reply-text.ts';

const encoder = new TextEncoder();

it('SMTP-01 SMTP-04 reads the same from a line that was kept as from one that is new, whatever came before', () => {
  const line = fc.oneof(
    fc.constantFrom('2.1.0 ok', '2.1.5 ok', '2.1.5  ok', '2.1.5', '', 'é', '\ufffd', 'a\u0007b', '2.1.5x'),
    fc.string({ maxLength: 200 }),
  );
  const octets = fc.oneof(
    line.map((text) => encoder.encode(text)),
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(Uint8Array.of(0xe9), Uint8Array.of(0xc3, 0xa9), Uint8Array.of(0x07)),
  );
  fc.assert(
    fc.property(fc.array(octets, { maxLength: 60 }), (lines) => {
      const texts = new ReplyTexts();
      for (const octets of lines) {
        const alone = new ReplyTexts().read(octets, 0, octets.length);
        expect(texts.read(octets, 0, octets.length)).toEqual(alone);
        expect(texts.read(octets, 0, octets.length)).toEqual(alone);
      }
    }),
  );
});

it('SMTP-04 finds a status only at the beginning of a line and only when it stands alone', () => {
  const read = (text: string) => new ReplyTexts().read(encoder.encode(text), 0, text.length);
  expect(read('2.1.5 ok')).toEqual({ text: '2.1.5 ok', status: '2.1.5' });
  expect(read('5.7.133')).toEqual({ text: '5.7.133', status: '5.7.133' });
  for (const text of ['2.1.5x', '3.1.5 no', 'ok 2.1.5', '2.1 ok', '2.1234.1 no']) {
    expect(read(text)).toEqual({ text, status: undefined });
  }
});

it('SMTP-01 gives back the same string for octets that come again', () => {
  const texts = new ReplyTexts();
  const first = texts.read(encoder.encode('2.0.0 queued'), 0, 12);
  expect(texts.read(encoder.encode('--2.0.0 queued'), 2, 14)).toBe(first);
});
