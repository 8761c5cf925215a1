import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkSizes, cut } from '../test/arbitraries.ts';
import { codeOf } from '../test/compose-text.ts';
import {
  type DefectCode,
  MessageParser,
  type ParsedMessage,
  type ParseEvent,
  parseMessage,
} from './index.ts';

const octetsOf = (lines: string) => Buffer.from(lines.replace(/\n/g, '\r\n'), 'latin1');
const parse = (lines: string, options = {}) => parseMessage(octetsOf(lines), options);
const codes = (message: ParsedMessage): DefectCode[] => message.defects.map(({ code }) => code);
const text = (content: Uint8Array | undefined) => Buffer.from(content ?? []).toString('latin1');

/** Events with neighbouring data of one part joined, since a cut may split it. */
function eventsOf(chunks: readonly Uint8Array[]): unknown[] {
  const parser = new MessageParser();
  const events: ParseEvent[] = [...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.finish()];
  const joined: Record<string, unknown>[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    if (event.type === 'part-data' || event.type === 'preamble') {
      if (last?.type === event.type) last.data += text(event.octets);
      else joined.push({ type: event.type, path: event.path, data: text(event.octets) });
    } else if (event.type === 'part-start') {
      const raw = event.part.headers.fields.map((field) => text(field.raw));
      joined.push({ type: 'part-start', path: event.part.path, raw });
    } else joined.push({ ...event });
  }
  return joined;
}

const multipart = `From: a@example.com
Content-Type: multipart/mixed; boundary=b

preamble
--b
Content-Type: multipart/alternative; boundary="b2"

--b2

plain
--b2  
Content-Type: text/html
Content-Transfer-Encoding: quoted-printable

<p>=C3=A9=
</p>

--b2--
epilogue of b2
--b
Content-Type: image/png; name="x.png"
Content-Transfer-Encoding: base64

aGk=
--bb
--b--
epilogue`;

describe('parseMessage', () => {
  it('reads fields, parts and contents', async () => {
    const message = await parse(multipart);
    expect(message.text).toBe('plain');
    expect(message.html).toBe('<p>é</p>\n');
    // The line --bb is no delimiter: its letters belong to the base64.
    expect(message.attachments.map((part) => [part.path, text(part.content)])).toEqual([['2', 'him']]);
    expect(message.attachments[0]?.filename).toBe('x.png');
    expect(message.root.parts.map((part) => part.path)).toEqual(['1', '2']);
    expect(message.defects).toEqual([]);
  });

  it('gives the same events however the octets are cut', () => {
    const samples = [
      multipart,
      multipart.slice(0, 300),
      'A: b\n\n--b\nx',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\n\n-\n--\n\r\r\n--b--',
      'no header at all',
    ];
    for (const sample of samples) {
      for (const octets of [octetsOf(sample), Buffer.from(sample, 'latin1')]) {
        const whole = eventsOf([octets]);
        expect(eventsOf(cut(octets, [1]))).toEqual(whole);
        fc.assert(
          fc.property(chunkSizes, (sizes) => {
            expect(eventsOf(cut(octets, sizes))).toEqual(whole);
          }),
          { numRuns: 50 },
        );
      }
    }
  });

  it.each<[string, string, DefectCode[]]>([
    ['bare LF', 'Subject: a\r\nX: y\n\nbody', ['bare-lf']],
    ['no colon', 'From me\r\nSubject: a\r\n\r\nbody', ['header-malformed']],
    ['no empty line', 'Subject: a', ['header-unterminated']],
    ['empty input', '', ['header-unterminated']],
    ['8-bit header that is no UTF-8', 'Subject: a\xe9\r\n\r\n', ['header-charset']],
    ['address', 'To: a b c@, x@example.com\r\n\r\n', ['address-invalid']],
    ['date', 'Date: yesterday\r\n\r\n', ['date-invalid']],
    ['no boundary', 'Content-Type: multipart/mixed\r\n\r\nx', ['multipart-without-boundary']],
    ['no part', 'Content-Type: multipart/mixed; boundary=b\r\n\r\nx', ['multipart-empty']],
    [
      'no closing delimiter',
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx',
      ['multipart-unterminated'],
    ],
    [
      'part without empty line',
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: b\r\n--b--',
      ['header-unterminated'],
    ],
    [
      'encoded multipart',
      'Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b\r\n\r\nx\r\n--b--',
      ['multipart-encoded'],
    ],
    ['unknown encoding', 'Content-Transfer-Encoding: x-uuencode\r\n\r\nx', ['unknown-encoding']],
    ['unknown charset', 'Content-Type: text/plain; charset=x-none\r\n\r\n\xe9', ['unknown-charset']],
    ['odd media type', 'Content-Type: text / html\r\n\r\nx', ['content-type-malformed']],
  ])('PARSE-01 PARSE-69 reports and goes on: %s', async (_, raw, expected) => {
    const message = await parseMessage(Buffer.from(raw, 'latin1'));
    expect(codes(message)).toEqual(expected);
  });

  it('PARSE-69 keeps what is sound around a defect', async () => {
    const message = await parseMessage(
      Buffer.from(
        'junk\r\nSubject: s\xe9\r\nTo: x@example.com, broken@\r\nContent-Type: text/plain; charset=x\r\n\r\nb\xe9',
        'latin1',
      ),
    );
    expect(message.subject).toBe('sé');
    expect(message.to).toMatchObject([{ address: 'x@example.com' }]);
    expect(message.text).toBe('bé');
  });

  it('PARSE-69 keeps the parts behind a multipart that has the boundary of the one around it', async () => {
    const inner = '--b\n\none\n--b\n\ntwo\n--b--\n';
    const message = await parse(
      'Content-Type: multipart/mixed; boundary=b\n\n' +
        `--b\nContent-Type: multipart/alternative; boundary=b\n\n${inner}--b\n\nthree\n--b--\n`,
    );
    const [alternative, third] = message.root.parts;
    expect(alternative?.parts.map(({ content }) => text(content))).toEqual(['one', 'two']);
    expect(text(third?.content)).toBe('three');
    expect(codes(message)).toEqual([]);
  });

  it('takes a type that lacks the semicolon before its parameters', async () => {
    const types = ['application/pdf name="a.pdf"', 'text', 'text/html', 'a/b/c', ''].map(
      async (type) => (await parse(`Content-Type: ${type}\n\n`)).root.contentType,
    );
    expect(await Promise.all(types)).toEqual([
      'application/pdf',
      'text/plain',
      'text/html',
      'text/plain',
      'text/plain',
    ]);
  });

  it('reads the parts of a digest as messages unless they say otherwise', async () => {
    const message = await parse(
      'Content-Type: multipart/digest; boundary=b\n\n' +
        '--b\n\nSubject: one\n\n1\n--b\nContent-Type: text/plain\n\ntwo\n--b--\n',
    );
    const [first, second] = message.root.parts;
    expect(first?.contentType).toBe('message/rfc822');
    expect(first?.message?.subject).toBe('one');
    expect(second?.contentType).toBe('text/plain');
    expect(second?.message).toBeUndefined();
  });

  it('PARSE-69 never throws, whatever the octets', async () => {
    const pieces = fc.oneof(
      fc.constantFrom(
        'Content-Type: multipart/mixed; boundary=b\r\n',
        'Content-Type: message/rfc822\r\n',
        'Content-Type: multipart/report; boundary=b\r\n',
        'Content-Type: message/delivery-status\r\n',
        'Content-Transfer-Encoding: base64\r\n',
        'Content-Transfer-Encoding: quoted-printable\r\n',
        "Content-Disposition: attachment; filename*0*=utf-8''%\r\n",
        'Final-Recipient: x; y\r\nAction: failed\r\n',
        '--b\r\n',
        '--b--\r\n',
        '\r\n',
        '\n',
        '\r',
        'To: a, <, "\r\n',
        '=',
      ),
      fc.string(),
    );
    const garbage = fc.array(pieces, { maxLength: 30 }).map((all) => Buffer.from(all.join(''), 'latin1'));
    await fc.assert(
      fc.asyncProperty(garbage, chunkSizes, async (octets, sizes) => {
        await parseMessage(octets);
        expect(eventsOf(cut(octets, sizes))).toEqual(eventsOf([octets]));
      }),
      { numRuns: 500 },
    );
  });

  it('PARSE-02 limits depth, parts, fields and sizes, and says so', async () => {
    const nest = (levels: number) => {
      let body = 'x';
      for (let i = levels; i > 0; i--)
        body = `Content-Type: multipart/mixed; boundary=b${i}e\n\n--b${i}e\n${body}\n--b${i}e--\n`;
      return body;
    };
    expect(codes(await parse(nest(31)))).not.toContain('too-deep');
    expect(codes(await parse(nest(40)))).toContain('too-deep');
    const attached = (levels: number) => `${'Content-Type: message/rfc822\n\n'.repeat(levels)}Subject: s\n\n`;
    const deepDefects = (message: ParsedMessage | undefined): DefectCode[] =>
      message === undefined ? [] : [...codes(message), ...deepDefects(message.attachments[0]?.message)];
    expect(deepDefects(await parse(attached(32)))).not.toContain('too-deep');
    expect(deepDefects(await parse(attached(33)))).toContain('too-deep');
    const parts = await parse(
      `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(20_000)}--b--\n`,
    );
    expect(parts.root.parts).toHaveLength(9999);
    expect(codes(parts)).toEqual(['too-many-parts']);
    const fields = await parse(`${'A: b\n'.repeat(20_000)}\nx`);
    expect(fields.headers.fields).toHaveLength(10_000);
    expect(codes(fields)).toEqual(['header-too-many-fields']);
    const large = await parse(`A: b\nC: ${'x'.repeat(5_000_000)}\nD: e\n\nx`);
    expect(large.headers.fields.map(({ name }) => name)).toEqual(['A', 'D']);
    expect(codes(large)).toEqual(['header-too-large']);
    const cutOff = await parse(`A: b\n\n${'x'.repeat(5000)}`, { limits: { maxMessageBytes: 100 } });
    expect(text(cutOff.root.content)).toHaveLength(92);
    expect(codes(cutOff)).toEqual(['message-too-large']);
    expect(await codeOf(() => parse('', { limits: { maxDepth: 100_000 } }))).toBe('MB_MIME_OPTION');
    expect(await codeOf(() => parse('', { limits: { maxDepht: 1 } }))).toBe('MB_MIME_OPTION');
  });

  it('PARSE-73 keeps no more than the limits in memory while octets come', () => {
    const parser = new MessageParser();
    const chunk = new Uint8Array(65_536).fill(120);
    const events: ParseEvent[] = [];
    for (let i = 0; i < 200; i++) events.push(...parser.push(chunk)); // one endless header line
    events.push(...parser.push(octetsOf('\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n')));
    let data = 0;
    for (let i = 0; i < 200; i++) {
      const passed = parser
        .push(chunk)
        .reduce((sum, event) => sum + (event.type === 'part-data' ? event.octets.length : 0), 0);
      expect(passed).toBeGreaterThan(0); // one endless body line is passed on as it comes
      data += passed;
    }
    expect(data).toBe(200 * 65_536);
    expect(events.filter((event) => event.type === 'defect').map(({ defect }) => defect.code)).toEqual([
      'header-too-large',
    ]);
  });

  it('PARSE-04 keeps the octets of each field as received', async () => {
    const raw = 'Subject:  a\r\n\t b \r\nX-Bad \xff: c\xe9\r\nfrom:x\n';
    const { headers } = await parseMessage(Buffer.from(`${raw}\r\nbody`, 'latin1'));
    expect(headers.fields.map((field) => text(field.raw)).join('')).toBe(raw);
    expect(headers.get('SUBJECT')).toBe('a\t b');
    expect(headers.get('From')).toBe('x');
    expect(headers.getAll('none')).toEqual([]);
    expect([...headers].map(({ name }) => name)).toEqual(['Subject', '', 'from']);
  });

  it('MIME-65 takes __proto__ and constructor for names', async () => {
    const { headers } = await parse('__proto__: a\nconstructor: b\n\n');
    expect([headers.get('__proto__'), headers.get('constructor'), headers.get('toString')]).toEqual([
      'a',
      'b',
      undefined,
    ]);
  });

  it('MIME-66 opens nothing that a message names', async () => {
    const message = await parse(
      'Content-Type: message/external-body; access-type=URL; URL="file:///etc/passwd"\n\nContent-Type: text/plain\n\n',
    );
    expect(text(message.attachments[0]?.content)).toBe('Content-Type: text/plain\r\n\r\n');
  });

  it('decodes charsets, flowed text and address fields', async () => {
    const message = await parseMessage(
      Buffer.from(
        'From: =?iso-2022-jp?B?GyRCRnxLXBsoQg==?= <a@example.com>\r\nTo: a@example.com\r\nTo: B <b@example.com>\r\nDate: 1 Jan 2020 00:00:00 -0100\r\nMessage-ID: <1@x>\r\nReferences: <a@x> <b@x>\r\nContent-Type: text/plain; charset=iso-8859-1; format=flowed; delsp=yes\r\n\r\nGr\xfc \r\n\xdfe\r\n',
        'latin1',
      ),
    );
    expect(message.from).toMatchObject([{ name: '日本' }]);
    expect(message.to.map((one) => 'address' in one && one.address)).toEqual([
      'a@example.com',
      'b@example.com',
    ]);
    expect(message.date?.toISOString()).toBe('2020-01-01T01:00:00.000Z');
    expect(message.references).toEqual(['<a@x>', '<b@x>']);
    expect(message.messageId).toBe('<1@x>');
    expect(message.text).toBe('Grüße\n');
  });

  it('passes the error of its input on', async () => {
    // biome-ignore lint/correctness/useYield: a stream that fails before its first octet
    async function* failing(): AsyncGenerator<Uint8Array> {
      throw new RangeError('gone');
    }
    await expect(parseMessage(failing())).rejects.toThrow(RangeError);
  });
});
