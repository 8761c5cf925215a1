import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DotScanner, unstuff } from './dot-content.ts';

/** RFC 5321 §4.5.2 read the plain way, line by line. */
const stuff = (text: string) => `${text.replace(/(^|\r\n)\./g, '$1..')}.\r\n`;

const octets = fc.string({ unit: fc.constantFrom('\r', '\n', '.', 'x', '\r\n', '\r\n.'), maxLength: 40 });
const message = octets.map((text) => `${text}\r\n`);

it('finds the end of data at any split, and un-stuffs to what was stuffed', () => {
  fc.assert(
    fc.property(message, fc.array(fc.integer({ min: 1, max: 7 })), (text, sizes) => {
      const wire = Buffer.from(`${stuff(text)}QUIT\r\n`);
      const length = wire.length - 'QUIT\r\n'.length;
      const scanner = new DotScanner(false);
      let at = 0;
      let end: number | undefined;
      for (let turn = 0; end === undefined && at < wire.length; turn++) {
        const piece = wire.subarray(at, at + (sizes[turn] ?? 3));
        const found = scanner.scan(piece);
        if (found !== undefined) end = at + found;
        at += piece.length;
      }
      expect(end).toBe(length);
      expect(unstuff(wire.subarray(0, length), false).toString()).toBe(text);
    }),
  );
});

it('leaves content without an end of data open', () => {
  fc.assert(
    fc.property(octets, (text) => {
      fc.pre(!`\r\n${text}`.includes('\r\n.\r\n'));
      expect(new DotScanner(false).scan(Buffer.from(text))).toBeUndefined();
    }),
  );
});
