import { describe, expect, it } from 'vitest';
import { Talk } from '../../../test/talk.ts';
import { releaseSlab, writeBlock } from './transmit-block.ts';

const text = (octets: Uint8Array | undefined) => new TextDecoder().decode(octets);

describe('writeBlock', () => {
  it('takes what was written, and nothing of what threw or was not wanted', () => {
    const taken = writeBlock((block) => {
      block.line('QUIT');
      return true;
    });
    expect(text(taken?.octets)).toBe('QUIT\r\n');
    expect(() =>
      writeBlock((block) => {
        block.line('secret');
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(
      writeBlock((block) => {
        block.line('secret');
        return false;
      }),
    ).toBeUndefined();
    expect(text(writeBlock((block) => block.line('NOOP é') === undefined)?.octets)).toBe('NOOP é\r\n');
  });

  it('keeps apart blocks that are written at the same time', () => {
    let inner: Uint8Array | undefined;
    const outer = writeBlock((block) => {
      block.line('one');
      inner = writeBlock((other) => other.line('two') === undefined)?.octets;
      block.line('three');
      return true;
    });
    expect([text(outer?.octets), text(inner)]).toEqual(['one\r\nthree\r\n', 'two\r\n']);
  });

  it('uses memory again only when all blocks of it were released', () => {
    const fill = new Uint8Array(20_000).fill(65);
    const write = () => writeBlock((block) => block.copy(fill, 0, Infinity) > 0)!;
    const taken = Array.from({ length: 12 }, write);
    expect(taken.every(({ octets }) => octets.every((octet) => octet === 65))).toBe(true);
    const kept = taken[0]!;
    fill.fill(66);
    for (const { slab } of taken.slice(1)) releaseSlab(slab);
    for (let round = 0; round < 50; round++) releaseSlab(write().slab);
    expect(kept.octets.every((octet) => octet === 65)).toBe(true);
  });

  it('a hook that throws leaves no octets for another session', () => {
    const talk = Talk.ready(['PIPELINING'], {
      onTranscript: ({ text: line }) => {
        if (line.startsWith('RCPT')) throw new Error('hook');
      },
    });
    expect(() => talk.submit({}, 'secret')).toThrow('hook');
    const other = Talk.ready();
    other.submit({ from: 'other@example.org' }, 'x');
    expect(other.said()).toMatch(/^MAIL FROM:<other@example.org>/);
  });
});
