const CR = 13;
const LF = 10;
const DOT = 46;
/** The top bit of each of four octets. */
const TOP_BITS = 0x80808080 | 0;
/** More dots than this are found again while writing instead of being remembered. */
export const mostDots = 1000;

/** What the octets of content say, apart from how they end. */
export interface Findings {
  /** Octets that the line ends lack to be CRLF: one for each lone CR or LF. */
  readonly lacking: number;
  /** Whether any octet has its high bit set. */
  readonly eightBit: boolean;
  /** Where lines begin with a dot; more than {@link mostDots} when not all of them are here. */
  readonly dots: readonly number[];
}

/**
 * Scans all octets once, in JavaScript.
 *
 * Most are text between line ends and are looked at four at a time: an octet has its top bit set in `v | (v & 0x7f) + 0x72`
 * unless it is a control up to CR.
 */
export function scanWords(octets: Uint8Array): Findings {
  const { buffer, byteOffset, length } = octets;
  const words = new DataView(buffer, byteOffset, length);
  const dots: number[] = [];
  let bits = 0;
  let lacking = 0;
  let index = 0;
  if (length > 0 && octets[0] === DOT) dots.push(0);
  for (;;) {
    while (index + 4 <= length) {
      const word = words.getInt32(index, true);
      bits |= word;
      const controls = ~(((word & 0x7f7f7f7f) + 0x72727272) | word) & TOP_BITS;
      if (controls !== 0) {
        index += lowestOctet(controls);
        break;
      }
      index += 4;
    }
    if (index >= length) break;
    const octet = octets[index++]!;
    bits |= octet;
    if (octet > CR) continue;
    if (octet === CR && index < length && octets[index] === LF) index += 1;
    else if (octet === CR || octet === LF) lacking += 1;
    else continue;
    if (index < length && octets[index] === DOT && dots.length <= mostDots) dots.push(index);
  }
  return { lacking, eightBit: (bits & TOP_BITS) !== 0, dots };
}

/** Index of the first octet, in memory order, that has a bit set in `word`; only top bits of octets are set. */
function lowestOctet(word: number): number {
  return (31 - Math.clz32(word & -word)) >> 3;
}
