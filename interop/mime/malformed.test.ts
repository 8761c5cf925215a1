import { join } from 'node:path';
import { type DefectCode, type ParsedMessage, type ParsedPart, parseMessage } from '@mb/mime';
import { simpleParser } from 'mailparser';
import PostalMime from 'postal-mime';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { type CorpusMessage, enmimeCorpus, mailparserCorpus, ownCorpus, pythonCorpus } from './corpora.ts';
import { read } from './external-reader.ts';
import { frame, sha } from './generated.ts';

/** Far more than any of them takes, so that only a hang fails. */
const TIME_LIMIT_MS = 5000;

let corpora: Record<string, CorpusMessage[]> = {};

beforeAll(async () => {
  await ensureDebianPackages(['python3', 'libmime-tools-perl', 'libpython3.11-testsuite']);
  corpora = {
    python: await pythonCorpus(),
    enmime: await enmimeCorpus(),
    mailparser: await mailparserCorpus(),
    own: ownCorpus(),
  };
});

describe('malformed mail of others', () => {
  it.each([
    ['python', 45],
    ['enmime', 75],
    ['mailparser', 80],
    ['own', 60],
  ])(
    'PARSE-69 is read without a throw or a hang, however it is cut: the messages of %s',
    async (name, atLeast) => {
      expect(corpora[name]!.length).toBeGreaterThan(atLeast);
      for (const { name: message, octets } of corpora[name]!) {
        const crlf = Buffer.from(octets.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1');
        for (const variant of [octets, crlf]) {
          const start = performance.now();
          const whole = await parseMessage(variant);
          const cut = await parseMessage(eachOctet(variant));
          expect(performance.now() - start, message).toBeLessThan(TIME_LIMIT_MS);
          expect(summary(cut), message).toEqual(summary(whole));
        }
      }
    },
  );

  it.each<[string, (octets: Buffer) => Promise<unknown>]>([
    ['postal-mime', (octets) => PostalMime.parse(octets, { attachmentEncoding: 'utf8' })],
    ['mailparser', (octets) => simpleParser(octets)],
  ])('PARSE-69 loses no word that %s finds in it', async (_, parse) => {
    const message = ({ headers, root }: ParsedMessage) => [headers.fields, leaves(root)];
    let found = 0;
    for (const { name, octets } of corpora.own!) {
      const theirs = wordsOf(await parse(octets).catch(() => undefined));
      found += theirs.length;
      const ours = wordsOf(message(await parseMessage(octets)));
      expect(ours, name).toEqual(expect.arrayContaining(theirs));
    }
    expect(found).toBeGreaterThan(40);
  });

  it('PARSE-01 is read with its defects reported', async () => {
    for (const [name, expected] of Object.entries(DEFECTS)) {
      const message = Object.values(corpora)
        .flat()
        .find((one) => one.name.includes(name));
      const codes = (await parseMessage(message!.octets)).defects.map(({ code }) => code);
      expect(codes, name).toContain(expected);
    }
  });

  it("PARSE-69 has the parts that Perl's MIME::Parser finds, but for known differences", async () => {
    const messages = Object.values(corpora).flat();
    const results = await read('perl', [join(import.meta.dirname, 'read_messages.pl')], frame(messages));
    expect(results).toHaveLength(messages.length);
    const different: string[] = [];
    for (const [index, { name, octets }] of messages.entries()) {
      const theirs = (results[index]!.parts as { type: string; sha: string }[]).map(
        ({ type, sha: digest }) => ({
          type,
          sha: digest,
        }),
      );
      const ours = leaves((await parseMessage(octets)).root).map(unixLeaf);
      if (JSON.stringify(ours) !== JSON.stringify(theirs)) different.push(name.replace(/^.*\/|:.*$/g, ''));
    }
    expect(different).toEqual(Object.keys(DIFFERENT_FROM_MIME_PARSER));
  });
});

async function* eachOctet(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  for (const octet of octets) yield Uint8Array.of(octet);
}

/** The words KEEPn in whatever a parser gives: texts, octets, and objects of these. */
function wordsOf(value: unknown): string[] {
  const octets = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
  if (typeof octets === 'string') return octets.match(/KEEP\d/g) ?? [];
  if (value instanceof Map) return wordsOf([...value]);
  if (typeof value !== 'object' || value === null) return [];
  return [...new Set(Object.values(value).flatMap(wordsOf))];
}

const leaves = (part: ParsedPart): ParsedPart[] =>
  part.parts.length > 0 ? part.parts.flatMap(leaves) : [part];

function summary(message: ParsedMessage): unknown {
  const parts = leaves(message.root).map(({ path, contentType, filename, content }) => [
    path,
    contentType,
    filename,
    sha(content),
  ]);
  return { fields: message.headers.fields.length, subject: message.subject, parts, defects: message.defects };
}

/** A leaf as read_messages.pl prints it: texts with the line ends of Unix, attached messages without content. */
function unixLeaf({ contentType: type, content }: ParsedPart): { type: string; sha: string } {
  if (type === 'message/rfc822') return { type, sha: sha('') };
  const text = /^text\/(?:plain|html)$/.test(type);
  const octets = text
    ? Buffer.from(Buffer.from(content).toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    : content;
  return { type, sha: sha(octets) };
}

/** What is wrong with some of the messages, by a part of their names. */
const DEFECTS: Readonly<Record<string, DefectCode>> = {
  'msg_35.txt': 'header-malformed',
  'msg_37.txt': 'header-unterminated',
  'msg_38.txt': 'multipart-unterminated',
  'msg_41.txt': 'multipart-without-boundary',
  'bad-final-boundary.raw': 'multipart-unterminated',
  'bad-header-wrap.raw': 'header-malformed',
  'unk-charset-part.raw': 'unknown-charset',
  'unk-encoding-part.raw': 'unknown-encoding',
  'malformed-multiple-address-header-values.raw': 'address-invalid',
  'multimixed-no-closing-boundary.raw': 'multipart-unterminated',
  'qp-utf8-header-no-break.raw': 'header-unterminated',
  'Invalid Date header': 'date-invalid',
  'Different line endings': 'bare-lf',
  UUENCODE: 'unknown-encoding',
};

/** Messages that MIME::Parser reads in another way, and why. */
const DIFFERENT_FROM_MIME_PARSER: Readonly<Record<string, string>> = {
  'msg_14.txt': 'a type without subtype is text/plain here (RFC 2045 §5.2) and stays as it is there',
  'msg_17.txt': 'a multipart without a delimiter keeps its text here',
  'msg_25.txt': 'a multipart without boundary keeps its type here',
  'msg_31.txt': 'a multipart without a delimiter keeps its text here',
  'msg_33.txt': 'a boundary written by RFC 2231 is read here',
  'msg_38.txt': 'the delimiter of an outer multipart ends the inner one here (RFC 2046 §5.1.2)',
  'msg_41.txt': 'a multipart without boundary keeps its type here',
  'bad-final-boundary.raw': 'a last delimiter without its dashes begins no part here',
  'unk-encoding-part.raw': 'a part in an unknown encoding keeps its type here, with a defect',
  'epilogue-sample.raw':
    'a line that only begins as the last delimiter is base64 here, of which the letters count',
  'qp-utf8-header-no-break.raw': 'a header that lacks its empty line ends before the first delimiter here',
  'badboundary.raw': 'a last delimiter without its dashes begins no part here',
  'empty-ctype-bad-content.raw': 'a type that is none is text/plain here (RFC 2045 §5.2)',
  'mailparser.js 59': 'quoted-printable of no sense stays as it is here',
  'mailparser.js 74': 'quoted-printable keeps its CRLF in octets here (RFC 2045 §6.7)',
  'boundary that no line has': 'a multipart without a delimiter keeps its text here',
  'closing delimiter alone': 'a multipart without a part keeps its text here',
  'multipart without boundary': 'a multipart without boundary keeps its type here',
  'multipart with an empty boundary inside another': 'a multipart without boundary keeps its type here',
  'boundary twice': 'the first of equal parameters counts here, the last there',
  'boundary behind a stray quote': 'the first of equal parameters counts here, the last there',
  'parameter without value before the boundary': 'it hides no parameter here',
  'parameter without name before the boundary': 'it hides no parameter here',
  'comments where they are allowed': 'a comment right after the type is one here (RFC 2045 §5.1)',
  'line of blanks instead of the empty line': 'it ends a header that nothing of a header follows here',
  'line of blanks instead of the empty line of a multipart':
    'it ends a header that nothing of a header follows here',
  'line of blanks instead of the empty line of a part':
    'it ends a header that nothing of a header follows here',
  'encoding x-gzip64': 'a part in an unknown encoding keeps its type here, with a defect',
  'base64 over a whole multipart': 'a multipart without a delimiter keeps its text here',
  'type that is none': 'a type that is none is text/plain here (RFC 2045 §5.2)',
};
