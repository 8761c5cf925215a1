import { createHash } from 'node:crypto';
import { type ContentAttachment, composeMessage, type Message } from '@mb/mime';
import fc from 'fast-check';
import { bodyText, headerText } from '../../packages/mime/test/arbitraries.ts';

/** A composed message and what an independent reader has to find in it. */
export interface Sample {
  readonly octets: Uint8Array;
  readonly subject: string | null;
  readonly from: readonly [name: string, address: string][];
  readonly to: readonly [name: string, address: string][];
  readonly parts: readonly SamplePart[];
  readonly text?: string;
  readonly html?: string;
  readonly date: number;
  readonly messageId: string;
}

export interface SamplePart {
  readonly type: string;
  readonly filename: string | null;
  readonly cid: string | null;
  readonly disposition: string | null;
  /** SHA-256 of the content. */
  readonly sha: string;
  /** SHA-256 of a text with LF line ends, which is what some readers give. */
  readonly lines?: string;
}

const wellFormed = (text: string) => Buffer.from(text).toString();
export const sha = (octets: Uint8Array | string) => createHash('sha256').update(octets).digest('hex');

const mailbox = fc.record({
  name: headerText(150),
  address: fc.constantFrom('ann@example.com', 'Bob.B@Example.ORG', "o'x+y@faß.example", '"a b"@example.net'),
});

const scripts = fc.constantFrom(
  'Ελληνικά',
  'Кириллица и ещё',
  'हिन्दी',
  'ไทย',
  '한국어',
  '日本語の長い件名です',
  'ქართული',
  'اَلْعَرَبِيَّةُ',
  '🏳️‍🌈👩🏽‍🚀',
);
const subject = fc.oneof(
  headerText(400),
  fc.array(scripts, { maxLength: 20 }).map((words) => words.join(' ')),
);

const attachment: fc.Arbitrary<ContentAttachment> = fc.record(
  {
    filename: fc
      .oneof(headerText(80), scripts, fc.constant(`${'ü'.repeat(290)}.pdf`))
      .map(
        (name) =>
          wellFormed(name)
            .replace(/[\x01-\x1f\x7f/\\]/g, '')
            .trim() || 'x',
      )
      .filter((name) => !/^\.\.?$/.test(name)),
    content: fc.oneof(fc.uint8Array({ maxLength: 300 }), bodyText),
    contentType: fc.constantFrom('image/png', 'text/csv', 'application/pdf'),
    contentId: fc.constantFrom('a@x.test', 'b@x.test'),
    disposition: fc.constantFrom('attachment', 'inline'),
  },
  { requiredKeys: ['content', 'filename'] },
);

const message: fc.Arbitrary<Message> = fc.record(
  {
    from: mailbox,
    to: fc.oneof(
      { weight: 20, arbitrary: fc.array(mailbox, { maxLength: 6 }) },
      { weight: 1, arbitrary: fc.array(mailbox, { minLength: 200, maxLength: 300 }) },
    ),
    subject,
    text: bodyText,
    html: bodyText,
    attachments: fc.array(attachment, { maxLength: 4 }),
    headers: fc.array(fc.tuple(fc.constantFrom('X-A', 'X-B', 'Comments'), headerText(200)), { maxLength: 3 }),
  },
  { requiredKeys: ['from'] },
);

/** Composes `count` messages, the same for the same seed. */
export async function generateSamples(count: number, seed: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const variants = ['7bit', '8bit'] as const;
  for (const [index, given] of fc.sample(message, { numRuns: count, seed }).entries()) {
    samples.push(await sampleOf(given, variants[index % 2]!));
  }
  return samples;
}

/** Composes one message and returns what it contains. */
export async function sampleOf(given: Message, body: '7bit' | '8bit'): Promise<Sample> {
  const now = 1_700_000_000_000;
  const composed = composeMessage(given, { body, now: () => now });
  const alone =
    [given.text, given.html].filter((form) => form !== undefined).length === 1 && !given.attachments?.length;
  const lines = (text: string) => {
    const crlf = wellFormed(text).replace(/\r\n|\r|\n/g, '\r\n');
    return alone && crlf !== '' && !crlf.endsWith('\r\n') ? `${crlf}\r\n` : crlf;
  };
  const related = (one: ContentAttachment) =>
    given.html !== undefined && one.contentId !== undefined && one.disposition !== 'attachment';
  const attachments = (given.attachments ?? []) as readonly ContentAttachment[];
  const ordered = [...attachments.filter(related), ...attachments.filter((one) => !related(one))];
  const bodyPart = (type: string, text: string): SamplePart => ({
    type,
    filename: null,
    cid: null,
    disposition: null,
    sha: sha(lines(text)),
    lines: sha(lines(text).replace(/\r\n/g, '\n')),
  });
  const none = given.text === undefined && given.html === undefined && attachments.length === 0;
  return {
    octets: await composed.bytes(),
    subject: given.subject === undefined ? null : wellFormed(given.subject),
    from: mailboxes([given.from]),
    to: mailboxes((given.to ?? []) as readonly unknown[]),
    parts: [
      ...(given.text === undefined ? [] : [bodyPart('text/plain', given.text)]),
      ...(given.html === undefined ? [] : [bodyPart('text/html', given.html)]),
      ...(none ? [bodyPart('text/plain', '')] : []),
      ...ordered.map(attachmentPart),
    ],
    ...(given.text === undefined ? {} : { text: lines(given.text) }),
    ...(given.html === undefined ? {} : { html: lines(given.html) }),
    date: now / 1000,
    messageId: composed.messageId,
  };
}

function mailboxes(given: readonly unknown[]): [string, string][] {
  return (given as { name: string; address: string }[]).map(({ name, address }) => [
    wellFormed(name),
    address.replace('faß', 'xn--fa-hia'),
  ]);
}

function attachmentPart(one: ContentAttachment): SamplePart {
  const content = typeof one.content === 'string' ? wellFormed(one.content) : (one.content as Uint8Array);
  const byEnding = /\.pdf$/.test(one.filename ?? '') ? 'application/pdf' : 'application/octet-stream';
  return {
    type: one.contentType ?? byEnding,
    filename: one.filename ?? null,
    cid: one.contentId === undefined ? null : `<${one.contentId}>`,
    disposition: one.disposition ?? (one.contentId === undefined ? 'attachment' : 'inline'),
    sha: sha(content),
  };
}

/** Messages framed for the readers: length, line break, octets. */
export function frame(samples: readonly { readonly octets: Uint8Array }[]): Buffer {
  return Buffer.concat(samples.flatMap(({ octets }) => [Buffer.from(`${octets.length}\n`), octets]));
}
