import { encodeQuotedPrintable } from '@mb/mime';
import libqp from 'libqp';
import { encode, wrap } from 'nodemailer/lib/qp';
import type { Contender, Field } from '../harness/row.ts';
import { wholeText } from './whole-text.ts';

/** Encodes one text to wrapped quoted-printable; the limit makes UTF-8 and copies as many octets as the result has. */
export function quotedPrintableField(text: string): Field {
  const check = (output: unknown) => checkEncoded(output as string, text);
  const utf8 = new TextEncoder();
  const finished = Buffer.from(wrap(encode(text)));
  const contenders: Contender[] = [
    { name: '@mb/mime', role: 'ours', run: () => wholeText(encodeQuotedPrintable(text)), check },
    {
      name: 'nodemailer lib/qp',
      role: 'peer',
      package: 'nodemailer',
      run: () => wholeText(wrap(encode(text))),
      check,
    },
    {
      name: 'libqp',
      role: 'peer',
      package: 'libqp',
      run: () => wholeText(libqp.wrap(libqp.encode(text))),
      check,
    },
    {
      name: 'UTF-8 + copy',
      role: 'limit',
      run: () => ({ octets: utf8.encode(text), copy: Uint8Array.prototype.slice.call(finished) }),
      check: (output) => {
        const { octets, copy } = output as { octets: Uint8Array; copy: Uint8Array };
        const decoded = libqp.decode(Buffer.from(copy).toString('latin1'));
        return decoded.equals(octets) ? undefined : 'not the octets of the text';
      },
    },
  ];
  return { contenders };
}

/** RFC 2045 §6.7: ASCII, lines of at most 76, no white space at a line's end, and the same octets back. */
function checkEncoded(encoded: string, text: string): string | undefined {
  if (/[^\t\r\n\x20-\x7e]/.test(encoded)) return 'output is not plain ASCII';
  if (/[^\r\n]{77}/.test(encoded)) return 'a line is longer than 76 characters';
  if (/[ \t]\r?$/m.test(encoded)) return 'white space at the end of a line';
  return libqp.decode(encoded).equals(Buffer.from(text)) ? undefined : 'does not decode to the text';
}
