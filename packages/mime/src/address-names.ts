import type { NameDecoder } from './address-token.ts';
import { readWords } from './encoded-word.ts';

/** RFC 2047 §2; a word with spaces or specials inside is damaged, but still meant as one word. */
const encodedWord = /=\?[^?\s]{1,60}\?[bq]\?[^?\r\n]*\?=/gi;

const word =
  /[^\0-\x20\x7f()<>[\]:;@,"=]*(?:=(?:\?[^?\s]{1,60}\?[bq]\?[^?\r\n]*\?=)?[^\0-\x20\x7f()<>[\]:;@,"=]*)*/iy;

/** Decodes the encoded-words of names. */
export function nameDecoder(decode: (text: string) => string = readWords): NameDecoder {
  return { decode, encodedWord, word };
}
