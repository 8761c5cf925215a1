import { describe, it } from 'vitest';
import { expectLinear, ignoringErrors } from '../../../../vitest.growth.ts';
import { defaultLimits, parseMailbox, ReplyParser } from './index.ts';
import { parseCapabilities } from './session/capabilities.ts';

const octets = (text: string) => Buffer.from(text, 'latin1');

function push(text: string, size: number): void {
  const parser = new ReplyParser({
    ...defaultLimits,
    replyLineOctets: 1e6,
    replyLines: 1e6,
    replyTextOctets: 1e7,
  });
  const all = octets(text);
  ignoringErrors(() => {
    for (let at = 0; at < all.length; at += size) {
      parser.push(all.subarray(at, at + size));
      while (parser.next() !== undefined);
    }
  });
}

const capabilities = (line: string) =>
  ignoringErrors(() => parseCapabilities({ code: 250, lines: ['host.test', line] }));

/** Each makes an input of about `n` characters and reads it. */
const readers: [name: string, run: (n: number) => void][] = [
  ['replies', (n) => push('250 2.1.0 ok\r\n'.repeat(n / 14), 1000)],
  ['a reply of many lines', (n) => push('250-a\r\n'.repeat(n / 7), 1000)],
  ['blanks of a line', (n) => push(`250 ${' '.repeat(n)}\r\n`, 1000)],
  ['a line octet by octet', (n) => push(`250 ${'a'.repeat(n)}`, 1)],
  ['a word of capabilities', (n) => capabilities('A'.repeat(n))],
  ['blanks of capabilities', (n) => capabilities(`SIZE${' '.repeat(n)}x`)],
  ['mechanisms', (n) => capabilities(`AUTH ${'PLAIN '.repeat(n / 6)}`)],
  ['dots of a mailbox', (n) => ignoringErrors(() => parseMailbox(`${'a.'.repeat(n / 2)}@b.test`))],
  ['quoted pairs of a mailbox', (n) => ignoringErrors(() => parseMailbox(`"${'\\a'.repeat(n / 2)}`))],
  ['labels of a mailbox', (n) => ignoringErrors(() => parseMailbox(`a@${'b.'.repeat(n / 2)}`))],
];

describe('growth of time', () => {
  it.each(readers)('is linear for %s', (_, run) => {
    expectLinear(run);
  });
});
