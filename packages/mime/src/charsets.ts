/**
 * Decodes charsets in mail that no platform supports: code pages such as cp437 and cp850, UTF-7, UTF-32, ISO-2022-KR, HZ
 * and more. Needs the package iconv-lite.
 *
 * @packageDocumentation
 */
import iconv from 'iconv-lite';
import { checkOctets, checkText } from './argument.ts';

export type { CharsetDecoder } from './charset.ts';

/**
 * Decodes octets in a charset that the TextDecoder of the platform does not support.
 *
 * @param octets  All octets of the text.
 * @param charset  Its label, in any case, with `_`, `-` or nothing between its parts.
 * @returns The text, or undefined if iconv-lite does not support the charset either.
 * @example await parseMessage(octets, { decodeCharset })
 */
export function decodeCharset(octets: Uint8Array, charset: string): string | undefined {
  checkOctets(octets, 'decodeCharset: octets');
  checkText(charset, 'decodeCharset: charset');
  const label = charset.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (/^(?:cs)?iso2022kr$/.test(label)) return decodeIso2022Kr(octets);
  if (/^hz(?:gb2312)?$/.test(label)) return decodeHz(octets);
  if (/^(?:base64|hex|binary)$/.test(label)) return undefined; // iconv-lite encodings that are not charsets
  // The tables list `x-cp437` and `ibm-437` without prefix.
  for (const name of [
    label,
    label.replace(/^x|^cs/, ''),
    label.replace(/^(?:x|cs)?(?:cp|ibm|dos|oem|pc)(?=\d)/, 'cp'),
  ])
    if (iconv.encodingExists(name)) return iconv.decode(octets, name);
  return undefined;
}

const SO = 14;
const SI = 15;
const ESC = 27;

/** RFC 1557: SO switches to 7-bit KS C 5601, SI switches back; the designator ESC $ ) C is invisible. */
function decodeIso2022Kr(octets: Uint8Array): string {
  const eightBit: number[] = [];
  let korean = false;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    if (octet === ESC && octets[i + 1] === 36) i += 3;
    else if (octet === SO || octet === SI) korean = octet === SO;
    else eightBit.push(korean && octet > 32 ? octet | 0x80 : octet);
  }
  return new TextDecoder('euc-kr').decode(Uint8Array.from(eightBit));
}

/**
 * RFC 1843: `~{` switches to 7-bit GB 2312, `~}` back; `~~` is a tilde, and a tilde at the end of a line joins lines.
 */
function decodeHz(octets: Uint8Array): string {
  const eightBit: number[] = [];
  let chinese = false;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    const next = octets[i + 1];
    if (octet === 126 && (next === 123 || next === 125)) chinese = next === 123;
    else if (octet === 126 && next === 13 && octets[i + 2] === 10) i += 1;
    else if (octet === 126 && next === 126) eightBit.push(126);
    else if (octet !== 126 || next !== 10) {
      if (octet === 10) chinese = false; // RFC 1843: each line starts in ASCII
      if (chinese && next !== undefined) {
        eightBit.push(octet | 0x80, next | 0x80);
        i += 1;
      } else eightBit.push(octet);
      continue;
    }
    i += 1;
  }
  return new TextDecoder('gbk').decode(Uint8Array.from(eightBit));
}
