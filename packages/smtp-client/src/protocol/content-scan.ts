const CR = 13;
const LF = 10;
const DOT = 46;
/** The top bit of each of four octets. */
const TOP_BITS = 0x80808080 | 0;
/** More dots than this are found again while writing instead of being remembered. */
const mostDots = 1000;

/** What one pass over whole content finds out. */
export interface ContentScan {
  /** Octets in text mode: every line end as CRLF, one added at the end if it is missing, no dots added (RFC 1870 §3). */
  readonly textSize: number;
  /** Whether any octet has its high bit set. */
  readonly eightBit: boolean;
  /** Whether the octets are text already: only CRLF as line ends, and one at the end unless empty. */
  readonly canonical: boolean;
  /** Where lines begin with a dot, so that DATA must add one (RFC 5321 §4.5.2); undefined when there are too many. */
  readonly dots: readonly number[] | undefined;
}

/**
 * Looks once at all octets of the content.
 *
 * Most are text between line ends and are looked at four at a time: an octet has its top bit set in `v | (v & 0x7f) + 0x72`
 * unless it is a control up to CR.
 */
export function scanContent(octets: Uint8Array): ContentScan {
  const { buffer, byteOffset, length } = octets;
  const words = new DataView(buffer, byteOffset, length);
  const dots: number[] = [];
  let bits = 0;
  let extra = 0;
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
    else if (octet === CR || octet === LF) extra += 1;
    else continue;
    if (index < length && octets[index] === DOT && dots.length <= mostDots) dots.push(index);
  }
  const last = length > 0 ? octets[length - 1] : LF;
  if (last !== CR && last !== LF) extra += 2;
  return {
    textSize: length + extra,
    eightBit: (bits & TOP_BITS) !== 0,
    canonical: extra === 0,
    dots: dots.length > mostDots ? undefined : dots,
  };
}

/** Index of the first octet, in memory order, that has a bit set in `word`; only top bits of octets are set. */
function lowestOctet(word: number): number {
  return (31 - Math.clz32(word & -word)) >> 3;
}
