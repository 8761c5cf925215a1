import { describe, it } from 'vitest';
import { expectLinear, ignoringErrors } from '../../../vitest.growth.ts';
import {
  composeMessage,
  decodeBase64,
  decodeFlowed,
  decodeQuotedPrintable,
  decodeWords,
  encodeQuotedPrintable,
  encodeWords,
  foldHeader,
  formatParameter,
  formatPhrase,
  MessageParser,
  parseAddressList,
  parseDate,
  parseHeaderBlock,
  parseMessage,
  parseParameters,
  parseReport,
  readAddressList,
} from './index.ts';
import { readIdentifiers } from './message-id.ts';

const octets = (text: string) => Buffer.from(text, 'latin1');

function pushAll(text: string, size: number): void {
  const parser = new MessageParser();
  const all = octets(text);
  for (let at = 0; at < all.length; at += size) parser.push(all.subarray(at, at + size));
  parser.finish();
}

const MIXED = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n';

/** A body in which `html` is read as text, too. */
const besideText = (html: string) =>
  `${MIXED}--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\n${html}\r\n--b--\r\n`;

/** parseMessage does its work before it returns its promise when it is given octets. */
function parseInTurn(text: string): void {
  void parseMessage(octets(text));
}

const composeReady = (part: string) =>
  ignoringErrors(() => composeMessage({ from: 'a@b.test', part: octets(part) }));

/** Each makes an input of about `n` units and reads it. */
const readers: [name: string, run: (n: number) => void][] = [
  ['a list of addresses', (n) => parseAddressList('a@b.test, '.repeat(n / 10))],
  ['a list of names', (n) => parseAddressList('Ann Example <a@b.test>, '.repeat(n / 24))],
  ['open quotes', (n) => ignoringErrors(() => parseAddressList('"a, '.repeat(n / 4)))],
  ['quoted pairs', (n) => ignoringErrors(() => parseAddressList(`"${'\\"'.repeat(n / 2)}`))],
  ['comments', (n) => ignoringErrors(() => parseAddressList(`${'(c)'.repeat(n / 3)}a@b.test`))],
  ['nested comments', (n) => ignoringErrors(() => parseAddressList('('.repeat(n)))],
  ['nested groups', (n) => ignoringErrors(() => parseAddressList('a:'.repeat(n / 2)))],
  ['blanks', (n) => ignoringErrors(() => parseAddressList(`a${' '.repeat(n)}@b.test`))],
  ['atoms', (n) => ignoringErrors(() => parseAddressList('a '.repeat(n / 2)))],
  ['dots', (n) => ignoringErrors(() => parseAddressList('a.'.repeat(n / 2)))],
  ['domain dots', (n) => ignoringErrors(() => parseAddressList(`a@${'b . '.repeat(n / 4)}`))],
  ['routes', (n) => ignoringErrors(() => parseAddressList('<@a,'.repeat(n / 4)))],
  ['words of local parts', (n) => ignoringErrors(() => parseAddressList(`${'"a".'.repeat(n / 4)}b@c.test`))],
  ...[
    'a@b.test <c@d.test> ',
    '<a@b.test',
    'a@b@',
    'a@b ',
    '"a@b.test" ',
    '"a\\"',
    '"\\',
    '(',
    '()',
    '(a) ',
    '[a',
    '[a]',
    'a:',
    'a:b<c>',
    'a;',
    '=?a?q?',
    '=?utf-8?q?,?= ',
    '<@a,',
    '"@',
    '"<@',
    ',<a ',
    '>',
    '<',
    '@',
    'a . ',
    '"a".',
    '\u200b@',
  ].map((piece): [string, (n: number) => void] => [
    `a damaged list of ${piece}`,
    (n) => readAddressList(piece.repeat(n / piece.length)),
  ]),
  ['encoded-words in a name', (n) => parseAddressList(`${'=?utf-8?q?a?= '.repeat(n / 14)}<a@b.test>`)],
  ['encoded-words', (n) => decodeWords('=?utf-8?q?=C3=A9?= '.repeat(n / 19))],
  ['encoded-words that do not end', (n) => decodeWords('=?utf-8?q?a'.repeat(n / 11))],
  ['starts of encoded-words', (n) => decodeWords('=?'.repeat(n / 2))],
  ['charsets of encoded-words', (n) => decodeWords(`=?${'a'.repeat(n)}`)],
  ['base64 cut in encoded-words', (n) => decodeWords('=?utf-8?b?w?= '.repeat(n / 14))],
  [
    'encoded-words with states',
    (n) => decodeWords('=?iso-2022-jp?q?=1B$B?= =?iso-2022-jp?q?FF?= '.repeat(n / 42)),
  ],
  ['ends of encoded-words', (n) => decodeWords(`=?utf-8?q?${'?'.repeat(n)}`)],
  ['text to be encoded', (n) => encodeWords('é b '.repeat(n / 4))],
  ['spaces to be encoded', (n) => encodeWords(' '.repeat(n))],
  ['a name', (n) => formatPhrase('a '.repeat(n / 2))],
  ['a header to be folded', (n) => foldHeader('X', 'word '.repeat(n / 5))],
  ['backslashes to be folded', (n) => ignoringErrors(() => foldHeader('X', '\\ '.repeat(n / 2)))],
  ['parameters', (n) => parseParameters(`a/b${'; c=d'.repeat(n / 5)}`)],
  ['a quoted parameter', (n) => parseParameters(`a/b; c="${'\\"'.repeat(n / 2)}`)],
  ['blanks in a value', (n) => parseParameters(`a/b; c=d${' '.repeat(n)}`)],
  ['blanks after quotes', (n) => parseParameters(`a/b; c="d"${' '.repeat(n)}e`)],
  ['words without semicolons', (n) => parseParameters(`a/b; c=d${' e-f*1'.repeat(n / 6)}`)],
  ['pieces without semicolons', (n) => parseParameters(`a/b; c=d${' e*1=f'.repeat(n / 6)}`)],
  ['comments in parameters', (n) => parseParameters(`a/b${'(('.repeat(n / 2)}`)],
  ['parentheses in a value', (n) => parseParameters(`a/b; c=d${'('.repeat(n)}`)],
  ['comments that nothing closes', (n) => parseParameters(`a/b; ${'c=d (;'.repeat(n / 6)}`)],
  ['continuations', (n) => parseParameters(Array.from({ length: n / 10 }, (_, i) => `; c*${i}=d`).join(''))],
  ['a date', (n) => parseDate(`1 Jan 2020 ${' '.repeat(n)}`)],
  ['comments in a date', (n) => parseDate(`1 Jan 2020 ${'(c)'.repeat(n / 3)}10:00:00 +0000`)],
  ['identifiers', (n) => readIdentifiers('<a@b.test> '.repeat(n / 11))],
  ['identifiers that do not end', (n) => readIdentifiers(`<a>${'<'.repeat(n)}`)],
  ['quotes in identifiers', (n) => readIdentifiers('<"'.repeat(n / 2))],
  ['comments in identifiers', (n) => readIdentifiers('(c) '.repeat(n / 4))],
  ['header fields', (n) => parseHeaderBlock(octets('A: b\r\n'.repeat(n / 6)), n)],
  ['folded lines', (n) => parseHeaderBlock(octets(`A: b${'\r\n c'.repeat(n / 4)}`)).headers.get('A')],
  [
    'blanks in a header value',
    (n) => parseHeaderBlock(octets(`A:${' \r\n'.repeat(n / 3)}b`)).headers.get('A'),
  ],
  ['quoted-printable', (n) => decodeQuotedPrintable('=C3=A9= \r\n'.repeat(n / 10))],
  ['blanks in quoted-printable', (n) => decodeQuotedPrintable(`a${' '.repeat(n)}b`)],
  ['soft breaks', (n) => decodeQuotedPrintable('= '.repeat(n / 2))],
  ['a header name', (n) => parseHeaderBlock(octets(`X${' '.repeat(n)}y: z`))],
  ['header names', (n) => parseHeaderBlock(octets(`X${' '.repeat(50)}: z\r\n`.repeat(n / 56)), n)],
  ['tabs before the colon', (n) => parseHeaderBlock(octets(`X${'\t'.repeat(n)}`))],
  ['a parameter to be written', (n) => formatParameter('a', 'é '.repeat(n / 2))],
  ['a long token to be written', (n) => formatParameter('a', 'x'.repeat(n))],
  ['scripts to be written', (n) => formatParameter('a', '日'.repeat(n / 3))],
  ['slashes of a media type', (n) => pushAll(`Content-Type: ${'a/'.repeat(n / 2)}\r\n\r\n`, 1000)],
  ['blanks of a media type', (n) => pushAll(`Content-Type: a${' '.repeat(n)}b/c\r\n\r\n`, 1000)],
  ['quotes of a media type', (n) => pushAll(`Content-Type: ${'" \\'.repeat(n / 3)}/\r\n\r\n`, 1000)],
  [
    'a transfer encoding',
    (n) => pushAll(`Content-Transfer-Encoding: ${'"(c) '.repeat(n / 5)}\r\n\r\n`, 1000),
  ],
  [
    'padded delimiter lines',
    (n) => pushAll(`${MIXED}${`--b${' '.repeat(2000)}x\r\n`.repeat(n / 2006)}`, 1000),
  ],
  ['padded delimiters', (n) => pushAll(`${MIXED}${`--b${' \t'.repeat(1000)}\r\n`.repeat(n / 2005)}`, 1000)],
  ['dashes in a header', (n) => pushAll(`${MIXED.trim()}\r\n${'--c\r\n'.repeat(n / 5)}`, 1000)],
  [
    'types in a header with dashes',
    (n) => pushAll('Content-Type: text/plain;\r\n b=c\r\n--c\r\n'.repeat(n / 37), 1000),
  ],
  ['defects', (n) => parseInTurn(`${MIXED}${'--b\r\nX\r\n'.repeat(n / 8)}`)],
  ['tags of HTML', (n) => parseInTurn(besideText('<p><b>x</b> '.repeat(n / 12)))],
  ['tags that do not end', (n) => parseInTurn(besideText('<a '.repeat(n / 3)))],
  ['comments that do not end', (n) => parseInTurn(besideText('<!-- '.repeat(n / 5)))],
  ['scripts that do not end', (n) => parseInTurn(besideText('<script '.repeat(n / 8)))],
  ['styles that end', (n) => parseInTurn(besideText('<style></style'.repeat(n / 14)))],
  ['blanks and lines of HTML', (n) => parseInTurn(besideText(' \n<br>'.repeat(n / 6)))],
  ['entities of HTML', (n) => parseInTurn(besideText('&#'.repeat(n / 2)))],
  ['texts of a body', (n) => parseInTurn(`${MIXED}${'--b\r\n\r\nx\r\n'.repeat(n / 10)}`)],
  [
    'forms of an alternative',
    (n) => parseInTurn(`${MIXED.replace('mixed', 'alternative')}${'--b\r\n\r\nx\r\n'.repeat(n / 10)}`),
  ],
  ['a ready part', (n) => composeReady(`Content-Type: a/b${'\r\n c'.repeat(n / 4)}\r\n\r\n`)],
  ['fields of a ready part', (n) => composeReady(`${'Content-Type: a/b\r\n'.repeat(n / 19)}X\r\n`)],
  ['text to be quoted', (n) => encodeQuotedPrintable('é \n'.repeat(n / 3))],
  ['base64', (n) => decodeBase64('aG=\n'.repeat(n / 4))],
  ['flowed text', (n) => decodeFlowed('> a \n'.repeat(n / 5))],
  ['quote marks', (n) => decodeFlowed('>'.repeat(n))],
  ['a report', (n) => parseReport('message/delivery-status', octets('A: b\r\n\r\n'.repeat(n / 8)))],
  [
    'lines of a part',
    (n) =>
      pushAll(`Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${'--a\r\n'.repeat(n / 5)}`, 1000),
  ],
  ['lines of blanks in a header', (n) => pushAll(`A: b\r\n${' \r\n'.repeat(n / 3)}`, 1000)],
  [
    'lines before the first part',
    (n) => pushAll(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--a\r\n'.repeat(n / 5)}`, 1000),
  ],
  ['a header line octet by octet', (n) => pushAll(`A: ${'b'.repeat(n)}`, 1)],
  [
    'a body line octet by octet',
    (n) => pushAll(`Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${'-'.repeat(n)}`, 1),
  ],
  [
    'parts',
    (n) => pushAll(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(n / 7)}`, 1000),
  ],
  [
    'levels',
    (n) =>
      pushAll(
        Array.from(
          { length: n / 60 },
          (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
        ).join(''),
        1000,
      ),
  ],
  [
    'recipients to be composed',
    (n) => composeMessage({ from: 'a@b.test', to: Array.from({ length: n / 10 }, (_, i) => `r${i}@b.test`) }),
  ],
  [
    'text to be composed',
    (n) => composeMessage({ from: 'a@b.test', text: 'é\n '.repeat(n / 3), subject: 'é '.repeat(n / 2) }),
  ],
];

describe('growth of time', () => {
  it.each(readers)('ADDR-06 PARSE-74 is linear for %s', (_, run) => {
    expectLinear(run);
  });

  it.each([
    ['comments', '('],
    ['groups', 'g:'],
    ['angle brackets', '<'],
    ['quotes', '"a'],
  ])('ADDR-06 is linear for %s that nest without end', (_, opening) => {
    expectLinear((n) =>
      ignoringErrors(() => parseAddressList(opening.repeat(2 * Math.floor(n / 2 / opening.length) + 1))),
    );
  });
});
