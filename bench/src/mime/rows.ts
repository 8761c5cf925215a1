import type { Field, Goal, Row, Scale } from '../harness/row.ts';
import {
  bigAttachment,
  manyAttachments,
  noise,
  type SampleMessage,
  smallText,
  unicodeAlternatives,
} from './messages.ts';
import { accentedText, cjkText, englishText, htmlText, subjects } from './texts.ts';

const MB = 1_000_000;
const GIB = 2 ** 30;

/** Rows of @mb/mime. */
export const mimeRows: readonly Row[] = [
  quotedPrintableRow('mime/qp-english', '1 MB of English text to quoted-printable', englishText, 3),
  quotedPrintableRow('mime/qp-html', '1 MB of HTML to quoted-printable', htmlText, 3),
  quotedPrintableRow(
    'mime/qp-accented',
    '1 MB of accented Latin text to quoted-printable',
    accentedText,
    2.5,
  ),
  quotedPrintableRow('mime/qp-cjk', '1 MB of Chinese, Japanese and Korean to quoted-printable', cjkText, 3),
  {
    id: 'mime/base64',
    title: '10 MB to base64 in lines of 76',
    metric: 'cpu',
    amount: { count: 10 * MB, unit: 'B' },
    limit: 'unwrapped + copy',
    goals: [ratio('unwrapped + copy', 1.5), { kind: 'best' }],
    field: async (scale) => (await import('./base64.ts')).base64Field(noise(sized(scale, 10 * MB), 7)),
  },
  {
    id: 'mime/subjects',
    title: '1,000 subjects encoded and folded',
    metric: 'cpu',
    amount: { count: 1000, unit: 'subjects' },
    limit: 'UTF-8 + base64',
    goals: [ratio('UTF-8 + base64', 4), { kind: 'best' }],
    field: async () => (await import('./subject.ts')).subjectField(subjects(1000)),
  },
  composeRow('mime/compose-small', 'a small text message composed', 5, smallText),
  composeRow(
    'mime/compose-unicode',
    'text + HTML for 3 recipients in Unicode composed',
    3,
    unicodeAlternatives,
  ),
  composeRow(
    'mime/compose-5mb',
    'HTML + a 5 MB attachment composed',
    1.5,
    (s) => bigAttachment(sized(s, 5 * MB)),
    5 * MB,
  ),
  composeRow(
    'mime/compose-20x20kb',
    '20 attachments of 20 kB composed',
    2,
    (s) => manyAttachments(s.smoke ? 2 : 20, 20_000),
    400_000,
  ),
  {
    id: 'mime/addresses',
    title: '1,000 addresses parsed',
    metric: 'cpu',
    amount: { count: 1000, unit: 'addresses' },
    limit: 'one pass + objects',
    goals: [ratio('one pass + objects', 5), { kind: 'best' }],
    field: async () => (await import('./address.ts')).addressField(1000),
  },
  parseRow('mime/parse-unicode', 'text + HTML for 3 recipients in Unicode parsed', unicodeAlternatives),
  parseRow(
    'mime/parse-5mb',
    'HTML + a 5 MB attachment parsed',
    (s) => bigAttachment(sized(s, 5 * MB)),
    5 * MB,
  ),
  {
    id: 'mime/stream-peak',
    title: 'peak memory of composing a 1 GiB attachment stream',
    metric: 'peak',
    amount: { count: GIB, unit: 'B' },
    limit: 'base64 of chunks',
    goals: [{ kind: 'above', base: 'idle process', atMostBytes: 32 * 2 ** 20 }, { kind: 'best' }],
    heavy: true,
    wholeRuns: true,
    maxRounds: 3,
    timeoutSeconds: 600,
    field: async (scale) => (await import('./stream.ts')).streamField(sized(scale, GIB)),
  },
  {
    id: 'mime/pause-parse',
    title: 'the longest pause of the event loop while a message of 40 MB is parsed from a file',
    metric: 'pause',
    amount: { count: 1, unit: 'messages' },
    limit: 'floor: the file read',
    goals: [{ kind: 'micros', atMost: 10_000 }],
    wholeRuns: true,
    apart: true,
    maxRounds: 5,
    field: async (scale) => (await import('./pause.ts')).pauseParseField(sized(scale, 29 * MB)),
  },
];

function quotedPrintableRow(id: string, title: string, text: (bytes: number) => string, atMost: number): Row {
  return {
    id,
    title,
    metric: 'cpu',
    amount: { count: MB, unit: 'B' },
    limit: 'UTF-8 + copy',
    goals: [ratio('UTF-8 + copy', atMost), { kind: 'best' }],
    field: async (scale) =>
      (await import('./quoted-printable.ts')).quotedPrintableField(text(sized(scale, MB))),
  };
}

function composeRow(
  id: string,
  title: string,
  atMost: number,
  message: (scale: Scale) => SampleMessage,
  bytes?: number,
): Row {
  return {
    id,
    title,
    metric: 'cpu',
    amount: bytes === undefined ? { count: 1, unit: 'messages' } : { count: bytes, unit: 'B' },
    limit: 'copy + id + date',
    goals: [ratio('copy + id + date', atMost), { kind: 'best' }],
    field: async (scale): Promise<Field> => (await import('./compose.ts')).composeField(message(scale)),
  };
}

function parseRow(id: string, title: string, message: (scale: Scale) => SampleMessage, bytes?: number): Row {
  return {
    id,
    title,
    metric: 'cpu',
    amount: bytes === undefined ? { count: 1, unit: 'messages' } : { count: bytes, unit: 'B' },
    limit: 'decode + copy',
    goals: [{ kind: 'best' }],
    field: async (scale) => (await import('./parse.ts')).parseField(message(scale)),
  };
}

function ratio(to: string, atMost: number): Goal {
  return { kind: 'ratio', to, atMost };
}

/** A smoke run takes a hundredth of the octets. */
function sized(scale: Scale, bytes: number): number {
  return scale.smoke ? Math.ceil(bytes / 100) : bytes;
}
