import { toCrlf } from '@mb/dkim';

/** A small deterministic random source (mulberry32), so that a failing message can be made again from its seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const values = [
  'plain words',
  '',
  ' ',
  '\t',
  ' two  spaces and\ttab ',
  'folded\r\n once',
  'folded\r\n\twith a tab\r\n   and again',
  '\r\n begins with a fold',
  'ends with a fold\r\n ',
  'only white space on a line\r\n \t\r\n here',
  'caf\xc3\xa9 \xe9\xff 8-bit',
  '=?utf-8?q?encoded=20word?=',
  'semi;colon : and = signs',
  '"quoted \\" string" <a@example.com>',
  'x'.repeat(300),
];

const names = [
  'To',
  'Cc',
  'Subject',
  'SUBJECT',
  'Date',
  'Reply-To',
  'Message-ID',
  'X-Other',
  'Received',
  'In-Reply-To',
  'List-Id',
];

const bodyPieces = [
  'a line of words\r\n',
  'trailing space \r\n',
  'trailing tab\t\r\n',
  '\r\n',
  '\r\n\r\n\r\n',
  ' \r\n',
  ' \t \r\n',
  '  leading\r\n',
  'two  spaces\tand \t tabs\r\n',
  '.\r\n',
  '..dots\r\n',
  'From the start\r\n',
  'bare\nline feed\n',
  'bare\rreturn\r',
  'mixed\r\r\n\n\rends',
  'no end',
  '\xa0\xa0 \v \f\x85 not white space\r\n',
  '8-bit \xe9\xff\xc3\xa9\r\n',
  'nul \0 octet\r\n',
  `${'0123456789'.repeat(120)}\r\n`,
  `${'word '.repeat(300)}\r\n`,
  'DKIM-Signature: not a header\r\n',
];

/** A message that tries a signer: folds, repetitions, octets of all kinds, and every sort of line end in the body. */
export interface UglyMessage {
  readonly seed: number;
  readonly octets: Buffer;
  /** The octets as SMTP carries them: every line ends with CRLF, the last one too. */
  readonly wire: Buffer;
  /** White space before the colon of some field, which is obsolete; not every reader accepts it. */
  readonly obsolete: 'none' | 'space' | 'tab';
  /** There is an empty line after the header. */
  readonly hasBody: boolean;
}

/** @param repeated  Whether a field may occur more than once. Default true. */
export function makeUglyMessage(seed: number, repeated = true): UglyMessage {
  const random = randomOf(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const times = (most: number) => Math.floor(random() * (most + 1));
  const obsolete = random() < 0.2 ? pick(['space', 'tab'] as const) : 'none';
  const colons = { none: [':'], space: [':', ' :'], tab: [':', '\t :', '\t:'] }[obsolete];
  const left = names.filter((name) => name !== 'SUBJECT');
  const takeName = () => (repeated ? pick(names) : left.splice(times(left.length - 1), 1)[0]!);
  const fields = Array.from({ length: times(repeated ? 12 : left.length) }, () => {
    return `${takeName()}${pick(colons)}${pick(['', ' ', '\t', '  '])}${pick(values)}\r\n`;
  });
  fields.splice(times(fields.length), 0, `From: ${pick(['', ' ', '\r\n '])}Ada <ada@example.com>\r\n`);
  const body = Array.from({ length: times(10) }, () => pick(bodyPieces)).join('');
  const hasBody = random() < 0.95;
  const octets = Buffer.from(`${fields.join('')}${hasBody ? `\r\n${body}` : ''}`, 'latin1');
  const lines = toCrlf(octets);
  const wire = Buffer.concat([lines, Buffer.from(lines.at(-1) === 0x0a ? '' : '\r\n')]);
  return { seed, octets, wire, obsolete, hasBody };
}

/** A message in chunks of random lengths, many of one octet. */
export async function* inRandomChunks(message: Uint8Array, seed: number): AsyncIterable<Uint8Array> {
  const random = randomOf(seed);
  for (let at = 0; at < message.length; ) {
    const length = random() < 0.5 ? 1 : 1 + Math.floor(random() * 200);
    yield message.subarray(at, at + length);
    at += length;
  }
}
