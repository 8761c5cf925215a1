const CR = 13;
const LF = 10;
const DOT = 46;
/** The top bit of each of four octets. */
const TOP_BITS = 0x80808080 | 0;
/** Maximum number of dots to remember; with more, they are searched again while writing. */
export const mostDots = 1000;

/** The result of a scan, without the line end at the end of the content. */
export interface Findings {
  /** Number of lone CRs and LFs, each of which needs one more octet to be CRLF. */
  readonly lacking: number;
  /** Whether any octet has its high bit set. */
  readonly eightBit: boolean;
  /** Offsets of lines that begin with a dot; incomplete if there are more than {@link mostDots}. */
  readonly dots: readonly number[];
}

/**
 * Scans all octets once, in JavaScript.
 *
 * It reads four octets at a time: in `v | (v & 0x7f) + 0x72` an octet has its top bit set unless it is a control up to CR.
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

/** The index of the first octet of `word`, in memory order, that has its top bit set; no other bits are set. */
function lowestOctet(word: number): number {
  return (31 - Math.clz32(word & -word)) >> 3;
}
