import { describe, expect, it } from 'vitest';
import { octets } from '../../test/fixtures.ts';
import { referenceBody } from '../../test/reference.ts';
import { type BareCr, BodyCanonicalizer } from './body.ts';
import type { Canonicalization } from './canonicalization.ts';

function canonicalize(
  chunks: readonly Uint8Array[],
  algorithm: Canonicalization,
  bareCr: BareCr = 'line-end',
): string {
  const out: Buffer[] = [];
  const body = new BodyCanonicalizer(algorithm, bareCr, (chunk, from, to) =>
    out.push(Buffer.from(chunk.subarray(from, to))),
  );
  for (const chunk of chunks) body.write(chunk);
  body.end();
  return Buffer.concat(out).toString('latin1');
}

const whole = (body: string, algorithm: Canonicalization, bareCr?: BareCr) =>
  canonicalize([octets(body)], algorithm, bareCr);

/** Bodies that say in few octets what can go wrong; long ones reach the part that reads sixteen at a time. */
const bodies = [
  '',
  'a',
  '\r\n',
  '\r\n\r\n\r\n',
  ' C \r\nD \t E\r\n\r\n\r\n',
  'a\r\n \r\n\t\r\n',
  ' \t',
  '  a',
  '\r\n\r\na',
  'a \r\n\r\n b\t\tc\r\n',
  'a\nb\n\n',
  'a\rb\r\r',
  'a\r\r\nb\n\r\n\rc',
  'a \rb \n c\t\r\n',
  '\0a\0\r\n\v \f\xa0 \x85\r\n',
  'x'.repeat(70),
  `${'long line with words '.repeat(9)}\r\n`.repeat(3),
  `${'y'.repeat(64)}\r\n\r\n\r\n${'z'.repeat(64)} \r\n`,
  `${'tail '.repeat(20)}\r\n${'\r\n'.repeat(60)}`,
  `${'w'.repeat(63)}\rn${'\n'.repeat(20)}${' '.repeat(40)}end\t`,
];

describe('body canonicalisation', () => {
  it('DKIM-01 hashes an empty body as nothing in relaxed', () => {
    expect(whole('', 'relaxed')).toBe('');
    expect(whole('\r\n\r\n', 'relaxed')).toBe('');
  });

  it('DKIM-63 hashes an empty body as one CRLF in simple', () => {
    expect(whole('', 'simple')).toBe('\r\n');
    expect(whole('\r\n\r\n', 'simple')).toBe('\r\n');
  });

  it('DKIM-02 DKIM-64 DKIM-30 makes runs of SP and HTAB one SP, drops them at line ends, and drops lines of nothing else at the end', () => {
    // The example of RFC 6376 §3.4.5.
    expect(whole(' C \r\nD \t E\r\n\r\n\r\n', 'relaxed')).toBe(' C\r\nD E\r\n');
    expect(whole(' C \r\nD \t E\r\n\r\n\r\n', 'simple')).toBe(' C \r\nD \t E\r\n');
    expect(whole('a\r\n \t\r\n  \r\n', 'relaxed')).toBe('a\r\n');
    expect(whole(' \t ', 'relaxed')).toBe('');
  });

  it('DKIM-31 takes NBSP, VT and FF for content', () => {
    expect(whole('a\xa0\xa0\v\v\f\f\r\n', 'relaxed')).toBe('a\xa0\xa0\v\v\f\f\r\n');
    expect(whole('\xa0\r\n\v\r\n\f', 'relaxed')).toBe('\xa0\r\n\v\r\n\f\r\n');
  });

  it('DKIM-03 adds a missing last CRLF', () => {
    for (const algorithm of ['simple', 'relaxed'] as const) expect(whole('a', algorithm)).toBe('a\r\n');
  });

  it('DKIM-65 removes surplus CRLFs at the end', () => {
    for (const algorithm of ['simple', 'relaxed'] as const)
      expect(whole(`a${'\r\n'.repeat(500)}`, algorithm)).toBe('a\r\n');
  });

  it('DKIM-66 reads 100 MB of CRLF without keeping them', () => {
    const block = octets('\r\n'.repeat(32_768));
    for (const algorithm of ['simple', 'relaxed'] as const) {
      let written = 0;
      let largest = 0;
      const body = new BodyCanonicalizer(algorithm, 'line-end', (_, from, to) => {
        written += to - from;
        largest = Math.max(largest, to - from);
      });
      for (let mebibytes = 0; mebibytes < 1600; mebibytes++) body.write(block);
      expect(written).toBe(0);
      body.write(octets('a'));
      expect(written).toBe(1600 * block.length + 1);
      expect(largest).toBeLessThanOrEqual(4096);
      body.end();
    }
  }, 60_000);

  it('DKIM-04 gives the same for every cut of every body into two, and octet by octet', () => {
    for (const body of bodies) {
      for (const algorithm of ['simple', 'relaxed'] as const) {
        for (const bareCr of ['line-end', 'octet'] as const) {
          const expected = referenceBody(body, algorithm, bareCr);
          const input = octets(body);
          expect(canonicalize([input], algorithm, bareCr)).toBe(expected);
          expect(
            canonicalize(
              [...input].map((octet) => Uint8Array.of(octet)),
              algorithm,
              bareCr,
            ),
          ).toBe(expected);
          for (let cut = 0; cut <= input.length; cut++) {
            const chunks = [input.subarray(0, cut), input.subarray(cut)];
            expect(canonicalize(chunks, algorithm, bareCr)).toBe(expected);
          }
        }
      }
    }
  });

  it('DKIM-06 takes bare CR and LF for line ends when signing, and a bare CR for an octet when verifying', () => {
    expect(whole('a\rb\nc', 'simple', 'line-end')).toBe('a\r\nb\r\nc\r\n');
    expect(whole('a\rb\nc', 'simple', 'octet')).toBe('a\rb\r\nc\r\n');
    expect(whole('a \r\r\n', 'relaxed', 'octet')).toBe('a \r\r\n');
  });

  it('hands on a canonical body in long runs of the input itself', () => {
    const input = octets(`${'a line as mail has it, with words'.repeat(2)}\r\n`.repeat(900));
    const runs: { chunk: Uint8Array; length: number }[] = [];
    const body = new BodyCanonicalizer('relaxed', 'line-end', (chunk, from, to) =>
      runs.push({ chunk, length: to - from }),
    );
    body.write(input);
    body.end();
    expect(runs.length).toBe(2);
    expect(runs[0]).toEqual({ chunk: input, length: input.length - 2 });
  });
});
