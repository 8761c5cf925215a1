import type { NameDecoder } from './address-token.ts';
import { readWords } from './encoded-word.ts';

/** RFC 2047 §2. Spaces and specials inside are not allowed, but such a word is still meant as one. */
const encodedWord = /=\?[^?\s]{1,60}\?[bq]\?[^?\r\n]*\?=/gi;

const word =
  /[^\0-\x20\x7f()<>[\]:;@,"=]*(?:=(?:\?[^?\s]{1,60}\?[bq]\?[^?\r\n]*\?=)?[^\0-\x20\x7f()<>[\]:;@,"=]*)*/iy;

/** Makes a decoder of the encoded-words in names. */
export function nameDecoder(decode: (text: string) => string = readWords): NameDecoder {
  return { decode, encodedWord, word };
}
