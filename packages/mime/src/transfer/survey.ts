const CR = 13;
const LF = 10;

/** RFC 5322 §2.1.1: octets in a line without its CRLF. */
export const MAX_LINE_OCTETS = 998;

/** The facts about content that choose a transfer encoding. */
export interface ContentSurvey {
  /** Octets over 127. */
  readonly eightBit: number;
  /** CRs without LF and LFs without CR. */
  readonly bareBreaks: number;
  /** A NUL or a line over 998 octets, whatever ends the lines (RFC 2045 §2.7, §2.8). */
  readonly binary: boolean;
  /** Octets that quoted-printable writes as three characters, line breaks aside. */
  readonly escaped: number;
}

/** The highest bit of each of four octets. */
const HIGH_BITS = 0x80808080 | 0;

/** Looks once at every octet of `content`. */
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
    // Four octets at once, where all are over 127, or all printable ASCII and no `=`: then neither the octet, nor the
    // octet less 32, nor its difference from `=` less 1 has the highest bit.
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
          bareBreaks -= 1; // the CR before was none
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

/** A copy with CRLF for each CR, LF and CRLF, where `bareBreaks` of them are not CRLF yet. */
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
