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

const line = fc.string({ unit: fc.constantFrom('.', 'a', ' ', 'é'), maxLength: 80 });

it('SMTP-20 SMTP-21 writes long pieces as it writes single octets, however little room there is', () => {
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 40 }),
      fc.constantFrom('\r\n', '\r\n', '\n', '\r'),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 4, max: 700 }),
      (lines, end, stuffing, cuts, room) => {
        const octets = Buffer.from(lines.join('\r\n') + end, 'latin1');
        const each = Array.from(octets, (octet) => Uint8Array.of(octet));
        const stuffer = new DotStuffer(stuffing);
        const out: Uint8Array[] = [];
        for (let at = 0, n = 0; at < octets.length; n++) {
          const chunk = octets.subarray(at, at + cuts[n % cuts.length]!);
          for (let from = 0; from < chunk.length; ) {
            const target = new Uint8Array(room);
            const { read, written } = stuffer.write(chunk, from, target, 0);
            expect(written).toBeLessThanOrEqual(room);
            expect(read).toBeGreaterThan(0);
            from += read;
            out.push(target.subarray(0, written));
          }
          at += chunk.length;
        }
        if (stuffer.openLine) out.push(Buffer.from('\r\n'));
        expect(Buffer.concat(out).toString('latin1')).toBe(run(each, stuffing).toString('latin1'));
        expect(stuffer.bits > 127).toBe(octets.some((octet) => octet > 127));
      },
    ),
    { numRuns: 2000 },
  );
});
