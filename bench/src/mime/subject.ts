import { encodeWords as encodeOurWords, foldHeader } from '@mb/mime';
import { mimeWordEncode } from 'emailjs';
import libmime from 'libmime';
import { encodeWords, foldLines } from 'nodemailer/lib/mime-funcs';
import type { Contender, Field } from '../harness/row.ts';

/** Encodes and folds subjects to complete header fields; the limit is UTF-8 and base64 of each non-ASCII one. */
export function subjectField(subjects: readonly string[]): Field {
  const all = (encodeOne: (subject: string) => string) => () => subjects.map(encodeOne);
  const check = (output: unknown) => checkFields(output as string[], subjects);
  const contenders: Contender[] = [
    {
      name: '@mb/mime',
      role: 'ours',
      run: all((subject) => foldHeader('Subject', encodeOurWords(subject, { column: 'Subject: '.length }))),
      check,
    },
    {
      name: 'nodemailer lib/mime-funcs',
      role: 'peer',
      package: 'nodemailer',
      // The calls and the widths that its composer uses for a subject.
      run: all((subject) => foldLines(`Subject: ${encodeWords(subject, 'Q', 52, true)}`, 76)),
      check,
    },
    {
      name: 'libmime',
      role: 'peer',
      package: 'libmime',
      run: all((subject) => libmime.foldLines(`Subject: ${libmime.encodeWords(subject, 'Q', 52)}`, 76)),
      check,
    },
    {
      name: 'emailjs',
      role: 'peer',
      package: 'emailjs',
      run: all((subject) => `Subject: ${mimeWordEncode(subject, 'Q')}`),
      check,
    },
    {
      name: 'UTF-8 + base64',
      role: 'limit',
      run: all((subject) => {
        const octets = Buffer.from(subject);
        return octets.length === subject.length ? subject : octets.toString('base64');
      }),
      check: (output) =>
        (output as string[]).length === subjects.length ? undefined : 'subjects are missing',
    },
  ];
  return { contenders };
}

/** RFC 2047 §2: words of at most 75 and lines of at most 76 characters where words occur; else RFC 5322's 78. */
function checkFields(fields: readonly string[], subjects: readonly string[]): string | undefined {
  for (const [i, field] of fields.entries()) {
    if (/[^\r\n\x20-\x7e]/.test(field)) return `subject ${i} is not ASCII`;
    for (const line of field.trimEnd().split('\r\n')) {
      if (line.length > (line.includes('=?') ? 76 : 78))
        return `subject ${i} has a line of ${line.length} characters`;
    }
    if (/=\?[^?]*\?.\?[^?]{0,200}\?=/.test(field) && /=\?\S{74,}\?=/.test(field))
      return `subject ${i}: long word`;
    const value = field.replaceAll('\r\n', '').slice('Subject: '.length);
    const decoded = libmime.decodeWords(value);
    if (decoded !== subjects[i]) return `subject ${i} reads back as ${JSON.stringify(decoded)}`;
  }
  return fields.length === subjects.length ? undefined : 'subjects are missing';
}
