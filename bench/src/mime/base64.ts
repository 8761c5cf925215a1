import { encodeBase64, encodeBase64Octets } from '@mb/mime';
import libbase64 from 'libbase64';
import { encode, wrap } from 'nodemailer/lib/base64';
import type { Contender, Field } from '../harness/row.ts';
import { wholeText } from './whole-text.ts';

/**
 * Encodes octets to base64 in lines of 76; the limit is Node's unwrapped base64 and one copy.
 *
 * A message is made of octets and the limit produces octets, so our octet encoder is the one compared. Our string
 * encoder is shown too. The peers return only strings, and the measured time does not include converting these to
 * octets.
 */
export function base64Field(octets: Buffer): Field {
  const check = (output: unknown) => checkEncoded(output as string, octets);
  const contenders: Contender[] = [
    {
      name: '@mb/mime',
      role: 'ours',
      run: () => encodeBase64Octets(octets),
      check: (output) => checkEncoded(Buffer.from(output as Uint8Array).toString('latin1'), octets),
    },
    { name: '@mb/mime, as a string', role: 'ours', run: () => wholeText(encodeBase64(octets)), check },
    {
      name: 'nodemailer lib/base64',
      role: 'peer',
      package: 'nodemailer',
      run: () => wholeText(wrap(encode(octets), 76)),
      check,
    },
    {
      name: 'libbase64',
      role: 'peer',
      package: 'libbase64',
      run: () => wholeText(libbase64.wrap(libbase64.encode(octets), 76)),
      check,
    },
    {
      name: 'unwrapped + copy',
      role: 'limit',
      run: () => Buffer.from(octets.toString('base64'), 'latin1'),
      check: (output) =>
        Buffer.from((output as Buffer).toString('latin1'), 'base64').equals(octets)
          ? undefined
          : 'wrong octets',
    },
  ];
  return { contenders };
}

function checkEncoded(encoded: string, octets: Buffer): string | undefined {
  if (/^[^\r\n]{77}/m.test(encoded)) return 'a line is longer than 76 characters';
  if (/[^A-Za-z0-9+/=\r\n]/.test(encoded)) return 'a character that is not base64';
  return Buffer.from(encoded, 'base64').equals(octets) ? undefined : 'does not decode to the octets';
}
