import fc from 'fast-check';
import { expect, it } from 'vitest';
import { scanContent } from './content-scan.ts';
import { DotStuffer } from './dot-stuffer.ts';

function run(chunks: readonly Uint8Array[], stuffing: boolean): Buffer {
  const stuffer = new DotStuffer(stuffing);
  const out: Uint8Array[] = [];
  for (const chunk of chunks) {
    const target = new Uint8Array(chunk.length * 3 + 3);
    const { read, written } = stuffer.write(chunk, 0, target, 0);
    expect(read).toBe(chunk.length);
    out.push(target.slice(0, written));
  }
  if (stuffer.openLine) out.push(Buffer.from('\r\n'));
  return Buffer.concat(out);
}

// Mostly the octets that smuggling is made of.
const octet = fc.oneof(fc.constantFrom(13, 10, 46, 0, 32, 65), fc.integer({ min: 0, max: 255 }));

it('SMTP-20 SMTP-21 leaves no bare CR or LF and no end of data, gives the same in any pieces, and is undone by a reader', () => {
  fc.assert(
    fc.property(fc.array(octet, { maxLength: 200 }), fc.nat(200), (list, cut) => {
      const octets = Uint8Array.from(list);
      const wire = run([octets], true);
      expect(run([octets.subarray(0, cut), octets.subarray(cut)], true)).toEqual(wire);
      expect(
        run(
          list.map((value) => Uint8Array.of(value)),
          true,
        ),
      ).toEqual(wire);
      const text = wire.toString('latin1');
      expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
      expect(`\r\n${text}`).not.toContain('\r\n.\r\n');
      // What a reader makes of it (RFC 5321 §4.5.2) is the content with CRLF line ends.
      const read = text.replace(/^\./gm, '');
      expect(read).toBe(run([octets], false).toString('latin1'));
      expect(scanContent(octets).textSize).toBe(read.length);
    }),
    { numRuns: 2000 },
  );
});
