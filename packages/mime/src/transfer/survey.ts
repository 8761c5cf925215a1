const CR = 13;
const LF = 10;

/** RFC 5322 §2.1.1: octets in a line without its CRLF. */
export const MAX_LINE_OCTETS = 998;

/** The properties of content that decide its transfer encoding. */
export interface ContentSurvey {
  /** Octets over 127. */
  readonly eightBit: number;
  /** CRs without LF and LFs without CR. */
  readonly bareBreaks: number;
  /** Whether there is a NUL or a line over 998 octets; CR, LF and CRLF end a line (RFC 2045 §2.7, §2.8). */
  readonly binary: boolean;
  /** Octets that quoted-printable writes as three characters, except line breaks. */
  readonly escaped: number;
}

/** The highest bit of each of four octets. */
const HIGH_BITS = 0x80808080 | 0;

/** Surveys content in one pass. */
export function surveyContent(content: Uint8Array): ContentSurvey {
  const words = new DataView(content.buffer, content.byteOffset, content.length);
  let eightBit = 0;
  let controls = 0;
  let bareBreaks = 0;
  let binary = false;
  let lineStart = 0;
  let previous = 0;
  const end = content.length;
  for (let i = 0; i < end; i++) {
    // Skip four octets at once if all are over 127, or all are from 32 to 127 and not `=`. In the second case, the
    // highest bit is 0 in each octet, in the octet minus 32, and in the octet XOR `=` minus 1.
    const start = i;
    for (; i + 4 <= end; i += 4) {
      const four = words.getInt32(i);
      if ((four & HIGH_BITS) === HIGH_BITS) eightBit += 4;
      else if (((four | (four - 0x20202020) | ((four ^ 0x3d3d3d3d) - 0x01010101)) & HIGH_BITS) !== 0) break;
    }
    if (i > start) previous = 0;
    if (i === end) break;
    const octet = content[i]!;
    if (octet >= 0x80) eightBit += 1;
    else if (octet < 32 || octet === 61) {
      if (octet === LF || octet === CR) {
        if (octet === LF && previous === CR)
          bareBreaks -= 1; // the CR before it was not bare
        else {
          bareBreaks += 1;
          if (i - lineStart > MAX_LINE_OCTETS) binary = true;
        }
        lineStart = i + 1;
      } else if (octet !== 9) {
        controls += 1;
        if (octet === 0) binary = true;
      }
    }
    previous = octet;
  }
  if (end - lineStart > MAX_LINE_OCTETS) binary = true;
  return { eightBit, bareBreaks, binary, escaped: eightBit + controls };
}

/** Returns a copy in which each CR, LF and CRLF is CRLF; `bareBreaks` is the number of those that are not yet. */
export function canonicalLines(content: Uint8Array, bareBreaks: number): Uint8Array {
  if (bareBreaks === 0) return content.slice();
  const out = new Uint8Array(content.length + bareBreaks);
  let o = 0;
  for (let i = 0; i < content.length; i++) {
    const octet = content[i]!;
    if (octet === CR || octet === LF) {
      out[o++] = CR;
      out[o++] = LF;
      if (octet === CR && content[i + 1] === LF) i += 1;
    } else out[o++] = octet;
  }
  return out;
}
