import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyText, headerText } from '../test/arbitraries.ts';
import { CLOCK_MS } from '../test/compose-text.ts';
import { seededBytes } from '../test/seeded-bytes.ts';
import {
  type AddressInput,
  type ContentAttachment,
  composeMessage,
  decodeWords as decode,
  type Mailbox,
  type Message,
  parseMessage,
} from './index.ts';

const address = fc.constantFrom(
  'ann@example.com',
  'Bob.B@Example.ORG',
  '"a b"@example.net',
  '"x@y,z"@example.com',
  "o'x+y@faß.example",
);
const mailbox = fc.record({ name: headerText(200), address });
const filename = headerText(80).map((name) => name.replace(/[\x01-\x1f\x7f/\\]/g, '') || 'x');
const attachment: fc.Arbitrary<ContentAttachment> = fc.record(
  {
    filename: filename.filter((name) => name !== '.' && name !== '..'),
    content: fc.oneof(fc.uint8Array({ maxLength: 300 }), bodyText),
    contentType: fc.constantFrom('image/png', 'text/csv', 'application/pdf', 'text/plain'),
    contentId: fc.constantFrom('a@x', 'b'),
    disposition: fc.constantFrom('attachment', 'inline'),
  },
  { requiredKeys: ['content', 'filename'] },
);
const message: fc.Arbitrary<Message> = fc.record(
  {
    from: mailbox,
    to: fc.array(mailbox as fc.Arbitrary<AddressInput>, { maxLength: 5 }),
    cc: fc.array(fc.record({ name: headerText(60), members: fc.array(mailbox, { maxLength: 3 }) }), {
      maxLength: 2,
    }),
    subject: headerText(300),
    text: bodyText,
    html: bodyText,
    attachments: fc.array(attachment, { maxLength: 3 }),
    headers: fc.array(fc.tuple(fc.constantFrom('X-A', 'X-B', 'Comments', '__proto__'), headerText(300)), {
      maxLength: 3,
    }),
    references: fc.array(fc.constantFrom('<1@x>', '<22222222222222222222@example.com>'), {
      minLength: 1,
      maxLength: 30,
    }),
    inReplyTo: fc.constant('<1@x>'),
    messageId: fc.constant('<own@example.com>'),
    date: fc.date({ min: new Date(0), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true }),
  },
  { requiredKeys: ['from'] },
);

const octets = (content: unknown): Buffer =>
  Buffer.from(typeof content === 'string' ? content : (content as Uint8Array));
const lines = (text: string) => text.toWellFormed().replace(/\r\n|\r/g, '\n');
/** A part without siblings ends in a line break on the wire. */
const oneLine = (text: string | undefined) =>
  text === undefined || text === '' || text.endsWith('\n') ? text : `${text}\n`;

function expectAddresses(read: readonly unknown[], written: unknown): void {
  const expected = (
    [written ?? []].flat() as {
      name: string;
      address?: string;
      members?: { name: string; address: string }[];
    }[]
  ).map(function view(one): unknown {
    if (one.members)
      return { name: one.name.toWellFormed(), members: one.members.map(view as (m: unknown) => unknown) };
    const wire = one.address!.replace('faß.example', 'xn--fa-hia.example');
    return one.name === '' ? { address: wire } : { name: one.name.toWellFormed(), address: wire };
  });
  const view = (one: unknown): unknown => {
    const { name, address: wire, members } = one as Mailbox & { members?: Mailbox[] };
    if (members) return { name, members: members.map(view) };
    return name === undefined ? { address: wire } : { name, address: wire };
  };
  expect(read.map(view)).toEqual(expected);
}

describe('parse of compose', () => {
  it('PARSE-03 MIME-34 gives every field and part back, in both variants, the same octets each time', async () => {
    await fc.assert(
      fc.asyncProperty(
        message,
        fc.constantFrom('7bit', '8bit'),
        fc.constantFrom('ascii', 'utf8'),
        async (given, body, headers) => {
          const options = { now: () => CLOCK_MS, randomBytes: seededBytes(), body, headers } as const;
          const composed = composeMessage(given, options);
          const bytes = await composed.bytes();
          expect(bytes.length).toBe(composed.size);
          const streamed: Uint8Array[] = [];
          for await (const chunk of composed) streamed.push(chunk);
          expect(Buffer.concat(streamed).equals(bytes)).toBe(true);
          const again = composeMessage(given, { ...options, randomBytes: seededBytes() });
          expect(Buffer.from(await again.bytes()).equals(bytes)).toBe(true);

          const read = await parseMessage(bytes);
          expect(read.defects).toEqual([]);
          expectAddresses(read.from, given.from);
          expectAddresses(read.to, given.to);
          expectAddresses(read.cc, given.cc);
          expect(read.subject).toBe(given.subject?.toWellFormed());
          expect(read.date?.getTime()).toBe(Math.floor(Number(given.date ?? CLOCK_MS) / 1000) * 1000);
          expect(read.messageId).toBe(composed.messageId);
          expect(read.references).toEqual(given.references ?? []);
          const alone = read.root.parts.length === 0;
          for (const form of ['text', 'html'] as const) {
            const wanted = given[form] === undefined ? undefined : lines(given[form]);
            if (wanted !== undefined) expect(read[form]).toBe(alone ? oneLine(wanted) : wanted);
          }
          for (const [name, value] of (given.headers ?? []) as [string, string][]) {
            expect(read.headers.getAll(name).length).toBeGreaterThan(0);
            if ((given.headers as [string, string][]).filter(([other]) => other === name).length === 1) {
              expect(decode(read.headers.get(name)!)).toBe(value.toWellFormed());
            }
          }
          const written = [...(given.attachments ?? [])] as ContentAttachment[];
          const order = (one: ContentAttachment) =>
            given.html !== undefined && one.contentId !== undefined && one.disposition !== 'attachment'
              ? 0
              : 1;
          const sorted = written
            .map((one, i) => [order(one), i, one] as const)
            .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
          const dispositionOf = ({ disposition, contentId }: ContentAttachment) =>
            disposition ?? (contentId === undefined ? 'attachment' : 'inline');
          // An inline text without any other body is the body (RFC 2183 §2.1).
          const isBody = (one: ContentAttachment | undefined) =>
            one !== undefined &&
            given.text === undefined &&
            given.html === undefined &&
            dispositionOf(one) === 'inline' &&
            /^text\/(?:plain|html)/.test(one.contentType ?? '');
          if (isBody(sorted[0]?.[2])) {
            const [, , body] = sorted.shift()!;
            expect(Buffer.from(read.textBody[0]!.content).equals(octets(body.content))).toBe(true);
          }
          expect(read.attachments.map((part) => part.filename)).toEqual(
            sorted.map(([, , one]) => one.filename!.toWellFormed()),
          );
          for (const [index, [, , one]] of sorted.entries()) {
            const part = read.attachments[index]!;
            expect(Buffer.from(part.content).equals(octets(one.content))).toBe(true);
            expect(part.contentId).toBe(one.contentId);
            if (one.contentType) expect(part.contentType).toBe(one.contentType);
            expect(part.disposition).toBe(dispositionOf(one));
          }
        },
      ),
      { numRuns: Number(process.env.MB_RUNS ?? 300) },
    );
  }, 60_000);
});
