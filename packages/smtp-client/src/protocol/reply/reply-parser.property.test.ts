import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SmtpError } from '../../errors.ts';
import { defaultLimits } from '../session/limits.ts';
import { ReplyParser } from './reply-parser.ts';

function run(chunks: readonly Uint8Array[]): unknown[] {
  const parser = new ReplyParser(defaultLimits);
  const out: unknown[] = [];
  try {
    for (const chunk of chunks) {
      parser.push(chunk);
      for (let reply = parser.next(); reply; reply = parser.next()) out.push(reply);
    }
  } catch (error) {
    if (!SmtpError.isInstance(error)) throw error;
    out.push(error.code);
  }
  return out;
}

const replyLike = fc
  .array(
    fc.tuple(
      fc.integer({ min: 0, max: 699 }),
      fc.constantFrom(' ', '-', '', 'x'),
      fc.string({ maxLength: 20 }),
      fc.constantFrom('\r\n', '\n'),
    ),
  )
  .map((lines) =>
    new TextEncoder().encode(
      lines.map(([code, separator, text, end]) => `${code}${separator}${text}${end}`).join(''),
    ),
  );

it('SMTP-01 gives the same replies however the octets are cut, and only its own error for garbage', () => {
  fc.assert(
    fc.property(
      fc.oneof(replyLike, fc.uint8Array({ maxLength: 200 })),
      fc.array(fc.nat(200)),
      (octets, cuts) => {
        const at = [...new Set(cuts.map((cut) => Math.min(cut, octets.length)))].sort((a, b) => a - b);
        const chunks = [0, ...at].map((from, index) => octets.subarray(from, at[index] ?? octets.length));
        expect(run(chunks)).toEqual(run([octets]));
        expect(run(Array.from(octets, (octet) => new Uint8Array([octet])))).toEqual(run([octets]));
      },
    ),
    { numRuns: 500 },
  );
});
