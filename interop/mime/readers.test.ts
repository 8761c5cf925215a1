import { join } from 'node:path';
import {
  decodeBase64,
  decodeQuotedPrintable,
  encodeBase64,
  encodeBase64Octets,
  encodeQuotedPrintable,
  encodeQuotedPrintableOctets,
  parseMessage,
} from '@mb/mime';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import PostalMime from 'postal-mime';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { read } from './external-reader.ts';
import { frame, generateSamples, type Sample, type SamplePart, sampleOf, sha } from './generated.ts';

const COUNT = Number(process.env.MB_MESSAGES ?? 2000);
const SEED = Number(process.env.MB_SEED ?? 20_261_121);
const here = import.meta.dirname;
let samples: Sample[] = [];

beforeAll(async () => {
  await ensureDebianPackages(['python3', 'libmime-tools-perl']);
  samples = await generateSamples(COUNT, SEED);
  const many = Array.from({ length: 10_000 }, (_, i) => ({
    name: `Recipient № ${i}`,
    address: `r${i}@example.com`,
  }));
  samples.push(await sampleOf({ from: { name: '', address: 'a@example.com' }, to: many, text: 'x' }, '7bit'));
});

describe('messages that we compose', () => {
  it("PARSE-03 MIME-23 MIME-32 are read by Python's email as they were meant", async () => {
    const results = await read('/usr/bin/python3', [join(here, 'read_messages.py')], frame(samples));
    expect(results).toHaveLength(samples.length);
    for (const [index, result] of results.entries()) {
      const { subject, from, to, parts, date, messageId } = samples[index]!;
      const read = { subject, from, to, parts: parts.map(withoutLines), date, messageId, defects: [] };
      expect(result, `message ${index}`).toMatchObject(read);
    }
  }, 240_000);

  it("MIME-23 are read by Perl's MIME::Parser as they were meant", async () => {
    const results = await read('perl', [join(here, 'read_messages.pl')], frame(samples));
    expect(results).toHaveLength(samples.length);
    for (const [index, result] of results.entries()) {
      const { subject, parts } = samples[index]!;
      expect(result, `message ${index}`).toMatchObject({
        subject,
        parts: parts.map(({ type, lines, sha: digest }) => ({ type, sha: lines ?? digest })),
        warnings: [],
      });
    }
  }, 240_000);

  it('MIME-32 are read by postal-mime as they were meant', async () => {
    for (const [index, sample] of samples.entries()) {
      const email = await PostalMime.parse(sample.octets);
      expect(email.subject ?? '', `message ${index}`).toBe(sample.subject ?? '');
      expectNames(email.attachments, sample, index);
      expect(
        email.attachments.map(({ content }) => sha(new Uint8Array(content as ArrayBuffer))),
        `message ${index}`,
      ).toEqual(attachmentsOf(sample).map((part) => part.sha));
      expect(asLines(email.text), `message ${index}`).toBe(asLines(sample.text));
    }
  }, 120_000);

  it('MIME-32 are read by mailparser as they were meant', async () => {
    for (const [index, sample] of samples.entries()) {
      const mail = await simpleParser(Buffer.from(sample.octets), {
        skipTextToHtml: true,
        skipHtmlToText: true,
        skipTextLinks: true,
        skipImageLinks: true,
      });
      expect(mail.subject ?? '', `message ${index}`).toBe(sample.subject ?? '');
      expectNames(mail.attachments, sample, index);
      expect(
        mail.attachments.map(({ content }) => sha(content)),
        `message ${index}`,
      ).toEqual(attachmentsOf(sample).map((part) => part.sha));
    }
  }, 240_000);
});

const attachmentsOf = (sample: Sample) => sample.parts.filter((part) => part.disposition !== null);
function withoutLines(part: SamplePart): Omit<SamplePart, 'lines'> {
  const { lines: _, ...rest } = part;
  return rest;
}
/** File names; both readers decode what looks like an encoded-word even where RFC 2231 encodes it. */
function expectNames(
  read: readonly { filename?: string | null | undefined }[],
  sample: Sample,
  index: number,
): void {
  const names = attachmentsOf(sample).map(({ filename }) => filename);
  if (names.some((name) => name?.includes('=?'))) return;
  expect(
    read.map(({ filename }) => filename),
    `message ${index}`,
  ).toEqual(names);
}

/** Some readers write LF line ends and leave the last ones out. */
const asLines = (text: string | undefined) => (text ?? '').replace(/\r\n/g, '\n').replace(/\n+$/, '');

const latin1 = (octets: Uint8Array) => Buffer.from(octets).toString('latin1');

describe('transfer encodings', () => {
  it("MIME-20 MIME-21 MIME-78 MIME-25 agree with Python's codecs in both directions", async () => {
    const contents = fc.sample(fc.uint8Array({ maxLength: 2000 }), { numRuns: COUNT, seed: SEED });
    const input = contents
      .map((octets) =>
        JSON.stringify({
          octets: Buffer.from(octets).toString('base64'),
          quoted: encodeQuotedPrintable(octets),
          base64: encodeBase64(octets),
        }),
      )
      .join('\n');
    const results = await read('/usr/bin/python3', [join(here, 'read_messages.py'), 'encodings'], input);
    expect(results).toHaveLength(contents.length);
    for (const [index, result] of results.entries()) {
      const octets = contents[index]!;
      // The encoders for octets agree with those for strings, whose output Python has read.
      expect(latin1(encodeQuotedPrintableOctets(octets))).toBe(encodeQuotedPrintable(octets));
      expect(latin1(encodeBase64Octets(octets))).toBe(encodeBase64(octets));
      expect(result.quoted).toBe(sha(octets));
      expect(result.base64).toBe(sha(octets));
      expect(sha(decodeBase64(result.base64ByPython as string))).toBe(sha(octets));
      const quoted = Buffer.from(result.quotedByPython as string, 'base64');
      const withoutBreaks = octets.filter((octet) => octet !== 13 && octet !== 10);
      expect(sha(decodeQuotedPrintable(quoted))).toBe(sha(withoutBreaks));
    }
  });
});

describe('messages that were damaged', () => {
  it('PARSE-69 are read without a throw: ours cut, doubled and spoilt', async () => {
    for (const [index, { octets }] of samples.slice(0, 500).entries()) {
      const spoilt = Uint8Array.from(octets);
      for (let at = index % 7; at < spoilt.length; at += 13 + (index % 89))
        spoilt[at] = (spoilt[at]! * 31 + index) & 255;
      await parseMessage(spoilt);
      await parseMessage(octets.subarray(0, Math.floor((octets.length * (index % 100)) / 100)));
      await parseMessage(Buffer.concat([octets, octets]));
    }
  });
});
