import { describe, it } from 'vitest';
import { expectLinear, ignoringErrors } from '../../../../vitest.growth.ts';
import { parseVerp } from '../sender/verp.ts';
import { categorizeReply } from './classify.ts';

const verp = { address: 'bounces@example.com', secret: 'a secret of sixteen octets' };
const reply = (text: string) => ({ code: 550, lines: [text] });

/** Each makes an input of about `n` characters and reads it. */
const readers: [name: string, run: (n: number) => void][] = [
  ['words of a refusal', (n) => categorizeReply(reply('user unknown spam '.repeat(n / 18)), 'rcpt')],
  ['blanks of a refusal', (n) => categorizeReply(reply(`5.7.1${' '.repeat(n)}x`), 'rcpt')],
  ['digits of a refusal', (n) => categorizeReply(reply('1.'.repeat(n / 2)), 'data')],
  [
    'a return path',
    (n) => ignoringErrors(() => parseVerp(verp, `bounces+${'a-'.repeat(n / 2)}@example.com`)),
  ],
  [
    'signs in a return path',
    (n) => ignoringErrors(() => parseVerp(verp, `bounces${'+'.repeat(n)}@example.com`)),
  ],
];

describe('growth of time', () => {
  it.each(readers)('is linear for %s', (_, run) => {
    expectLinear(run);
  });
});
