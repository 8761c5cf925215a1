import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkSizes, cut } from '../test/arbitraries.ts';
import { type ParsedMessage, type ParsedPart, parseMessage, rawPart } from './index.ts';

const octetsOf = (text: string) => Buffer.from(text.replace(/\n/g, '\r\n'), 'latin1');
const parse = (text: string) => parseMessage(octetsOf(text));
const latin1 = (octets: Uint8Array) => Buffer.from(octets).toString('latin1');
const codes = (message: ParsedMessage) => message.defects.map(({ code }) => code);
const leaves = (part: ParsedPart): ParsedPart[] =>
  part.parts.length > 0 ? part.parts.flatMap(leaves) : [part];

describe('PARSE-06 PARSE-07 PARSE-08 PARSE-09 PARSE-10 PARSE-70 damaged structure', () => {
  it.each([
    ['blanks around the slash', 'text / html'],
    ['quotes', '"text/html"'],
    ['quotes around a token', '"text"/html'],
    ['a comma', 'text/html,'],
    ['a comma and parameters', 'text/html, charset=utf-8'],
    ['a backslash', 'text\\/html'],
    ['no semicolon', 'text/html charset=utf-8'],
    ['a tab before the slash', 'TEXT\t/HTML;charset=utf-8'],
  ])('PARSE-06 is a media type with %s', async (_, type) => {
    const message = await parse(`Content-Type: ${type}\n\n<p>\xc3\xa9`);
    expect([message.html, message.root.contentType]).toEqual(['<p>é', 'text/html']);
    expect(codes(message)).toEqual(['content-type-malformed']);
  });

  it('PARSE-06 keeps the parameters of such a type', async () => {
    const message = await parse('Content-Type: multipart / Mixed boundary="aB"\n\n--aB\n\nx\n--aB--\n');
    expect([message.root.contentType, message.text]).toEqual(['multipart/mixed', 'x']);
    const pdf = await parse('Content-Type: application/pdf name="A.pdf"\n\nx');
    expect(pdf.attachments[0]?.filename).toBe('A.pdf');
    for (const type of ['text', 'a/b/c', '/', '"', 'text//html', ''])
      expect((await parse(`Content-Type: ${type}\n\n`)).root.contentType).toBe('text/plain');
    const sound = await parse('Content-Type: (a) text/html (b); charset=utf-8\n\n<p>');
    expect([sound.html, codes(sound)]).toEqual(['<p>', []]);
  });

  it.each(['(c) base64', 'base64 (c)', 'base64(c)', '(a (b)) (c)BASE64', '"base64"', 'base64; x', 'base64,'])(
    'PARSE-07 is a transfer encoding with comments and the like: %s',
    async (encoding) => {
      const message = await parse(`Content-Transfer-Encoding: ${encoding}\n\naGk=`);
      expect([message.text, codes(message)]).toEqual(['hi', []]);
    },
  );

  it.each([
    ['no semicolon between pieces', 'attachment; filename*0="a" filename*1="b.pdf"', 'ab.pdf'],
    ['no semicolon between bare pieces', 'attachment; filename*0=a\n filename*1=b.pdf', 'ab.pdf'],
    [
      'no semicolon between encoded pieces',
      "attachment; filename*0*=utf-8''%C3%A9 filename*1*=%20b.pdf",
      'é b.pdf',
    ],
    ['no semicolon after quotes', 'attachment; filename="a.pdf" size=3', 'a.pdf'],
    ['no semicolon before it', 'attachment; size="3" filename=a b.pdf', 'a b.pdf'],
    ['what looks like a parameter in it', 'attachment; filename=a b=c.pdf', 'a b=c.pdf'],
  ])('PARSE-67 is a file name with %s', async (_, disposition, expected) => {
    const message = await parse(`Content-Disposition: ${disposition}\n\nx`);
    expect(message.attachments[0]?.filename).toBe(expected);
  });

  it.each([
    ['an empty name in the disposition', 'attachment; filename=""', '; name="x.pdf"', 'x.pdf'],
    ['a path alone', 'attachment; filename="/"', '; name="x.pdf"', 'x.pdf'],
    ['pieces that begin at 1', 'attachment; filename*1="a"; filename*2="b.pdf"', '', 'ab.pdf'],
    [
      'an encoded piece that begins at 1',
      "attachment; filename*1*=utf-8''%C3%A9; filename*2=.pdf",
      '',
      'é.pdf',
    ],
    ['a missing piece', 'attachment; filename*0="a"; filename*2="b.pdf"', '', 'ab.pdf'],
    [
      'encoded-words in pieces',
      'attachment; filename*0="=?utf-8?Q?=C3"; filename*1="=A9?= =?utf-8?Q?.pdf?="',
      '',
      'é.pdf',
    ],
    [
      'percent-encoded text that looks so',
      "attachment; filename*=utf-8''%3D?utf-8?Q?a?%3D",
      '',
      '=?utf-8?Q?a?=',
    ],
  ])('PARSE-08 is a file name with %s', async (_, disposition, parameters, expected) => {
    const message = await parse(
      `Content-Type: application/pdf${parameters}\nContent-Disposition: ${disposition}\n\nx`,
    );
    expect(message.attachments[0]?.filename).toBe(expected);
  });

  it.each([
    ['the message', 'Subject: s\nContent-Type: multipart/mixed;\n boundary=b\n', '', ''],
    [
      'a part',
      'Subject: s\nContent-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n',
      '--a--\n',
      '1.',
    ],
  ])('PARSE-09 lacks the empty line before the first delimiter: %s', async (_, head, end, path) => {
    const text = `${head}--b\nContent-Type: text/html\n\none\n--b\n\ntwo\n--b--\n${end}`;
    const message = await parse(text);
    expect(message.subject).toBe('s');
    expect(leaves(message.root).map((part) => [part.path, part.contentType, latin1(part.content)])).toEqual([
      [`${path}1`, 'text/html', 'one'],
      [`${path}2`, 'text/plain', 'two'],
    ]);
    expect(codes(message)).toEqual(['header-unterminated']);
  });

  it('PARSE-09 takes dashes for no delimiter that are none', async () => {
    const message = await parse('Content-Type: text/plain; boundary=b\n--b\nSubject: s\n\nx');
    expect([message.subject, message.text]).toEqual(['s', 'x']);
    const other = await parse(
      'Content-Type: multipart/mixed; boundary=b\n--c\nSubject: s\n\n--b\n\nx\n--b--',
    );
    expect([other.subject, other.text, codes(other)]).toEqual(['s', 'x', ['header-malformed']]);
    // The delimiter of the multipart around it ends a part, even if the part names the same boundary.
    const same = await parse(
      'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n--b\n\nx\n--b--\n',
    );
    expect(leaves(same.root).map(({ path }) => path)).toEqual(['1', '2']);
  });

  it.each([
    ['at the end', '--b\n'],
    ['at the end without a line break', '--b'],
    ['with empty lines after it', '--b\n\n\n'],
    ['with blanks after it', '--b\n\n \t\n'],
  ])('PARSE-10 PARSE-70 lacks the dashes of the last delimiter: %s', async (_, end) => {
    const body = `--b\n\none\n--b\nContent-Type: image/png\n\ntwo\n${end}`;
    const message = await parse(`Content-Type: multipart/mixed; boundary=b\n\n${body}`);
    expect(leaves(message.root).map(({ path }) => path)).toEqual(['1', '2']);
    expect(message.attachments.map(({ path }) => path)).toEqual(['2']);
    expect(codes(message)).toEqual(['multipart-unterminated']);
    const inner = await parse(
      `Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n${body}\n--a\n\nx\n--a--\n`,
    );
    expect(leaves(inner.root).map(({ path }) => path)).toEqual(['1.1', '1.2', '2']);
  });

  it('PARSE-10 keeps a last part that holds something', async () => {
    const head = 'Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n';
    for (const [end, count] of [
      ['\nx', 2],
      ['X: y\n\n', 2],
      ['\n--b--', 2],
    ] as const) {
      expect(leaves((await parse(head + end)).root)).toHaveLength(count);
    }
    expect(leaves((await parse('Content-Type: multipart/mixed; boundary=b\n\n--b\n')).root)).toHaveLength(1);
  });
});

describe('octets of parts', () => {
  const nested = octetsOf(
    'Subject: s\nContent-Type: multipart/signed; boundary=a\n\npreamble\n--a\n' +
      'Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n\none\n\n--b  \n\n--b\nContent-Transfer-Encoding: base64\n\naGk=\n--b--\nepilogue\n' +
      '\n--a\nContent-Type: application/pgp-signature\n\nsignature\n--a--\n',
  );

  it('PARSE-11 are those received, header and body, without the line break of the delimiter', async () => {
    const message = await parseMessage(nested);
    const raw = (path: string) => {
      const part = [
        message.root,
        ...message.root.parts,
        ...message.root.parts.flatMap(({ parts }) => parts),
      ].find((one) => one.path === path);
      const { octets, header, body } = rawPart(nested, part!);
      expect(latin1(header) + latin1(body)).toBe(latin1(octets));
      return [latin1(header), latin1(body)];
    };
    const whole = latin1(nested);
    expect(raw('').join('')).toBe(whole);
    expect(raw('1').join('')).toBe(
      whole.slice(
        whole.indexOf('Content-Type: multipart/mixed'),
        whole.indexOf('\r\n--a\r\nContent-Type: application'),
      ),
    );
    expect(raw('1.1')).toEqual(['X: y\r\n\r\n', 'one\r\n']);
    expect(raw('1.2')).toEqual(['\r\n', '']);
    expect(raw('1.3')).toEqual(['Content-Transfer-Encoding: base64\r\n\r\n', 'aGk=']);
    expect(raw('2')).toEqual(['Content-Type: application/pgp-signature\r\n\r\n', 'signature']);
  });

  it('PARSE-11 of an attached message count in the content of its part', async () => {
    const octets = octetsOf(
      'Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\nSubject: t\n\nbody\n--a--\n',
    );
    const [part] = (await parseMessage(octets)).attachments;
    const { header, body } = rawPart(part!.content, part!.message!.root);
    expect([latin1(header), latin1(body)]).toEqual(['Subject: t\r\n\r\n', 'body']);
  });
});

describe('cut anywhere', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(
        'Content-Type: multipart/mixed; boundary=b\r\n',
        'Content-Type: multipart/mixed;\n boundary=c\n',
        'Content-Type: message/rfc822\n',
        'Content-Transfer-Encoding: (c) base64\r\n',
        'Subject: s\n',
        '--b\r\n',
        '--b\n',
        '--c \n',
        '--b--',
        '--b--\r\n',
        '\r\n',
        '\n',
        '\r',
        ' \t\r\n',
        `${'-'.repeat(2045)}\r\n`,
        `--b${' '.repeat(2043)}\r\n`,
        `--b${' '.repeat(2044)}\r\n`,
        `--b${' '.repeat(2045)}\n`,
        `${' '.repeat(3000)}\n`,
        `X${'x'.repeat(3000)}: y\n`,
        `X: ${'x'.repeat(3000)}\r\n`,
        'text\n',
      ),
      fc.string({ maxLength: 5 }),
    ),
    { maxLength: 20 },
  );

  const view = (part: ParsedPart): unknown => ({
    ...part,
    headers: part.headers.fields.map(({ raw }) => latin1(raw)),
    content: latin1(part.content),
    parts: part.parts.map(view),
    message: part.message && { root: view(part.message.root), defects: part.message.defects },
  });
  const viewOf = ({ root, defects, text, html }: ParsedMessage) => ({
    root: view(root),
    defects,
    text,
    html,
  });

  it('PARSE-12 gives the same parts, ranges and defects, whatever the limits', async () => {
    const limits = fc.constantFrom(
      {},
      { maxHeaderBytes: 40 },
      { maxHeaderBytes: 2500 },
      { maxParts: 3, maxDepth: 1 },
      { maxMessageBytes: 100 },
      { maxHeaderFields: 2 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, chunkSizes, limits, async (texts, sizes, given) => {
        const octets = Buffer.from(texts.join(''), 'latin1');
        const whole = viewOf(await parseMessage(octets, { limits: given }));
        for (const chunks of [cut(octets, [1]), cut(octets, sizes)]) {
          expect(viewOf(await parseMessage(stream(chunks), { limits: given }))).toEqual(whole);
        }
      }),
      { numRuns: Number(process.env.MB_RUNS ?? 300) },
    );
  }, 60_000);
});

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
