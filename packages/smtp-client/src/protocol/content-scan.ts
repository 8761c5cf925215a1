const CR = 13;
const LF = 10;
const DOT = 46;
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

/** Looks once at every octet of the content. */
export function scanContent(octets: Uint8Array): ContentScan {
  const length = octets.length;
  const dots: number[] = [];
  let bits = 0;
  let extra = 0;
  if (length > 0 && octets[0] === DOT) dots.push(0);
  for (let index = 0; index < length; index++) {
    const octet = octets[index]!;
    bits |= octet;
    if (octet > CR) continue;
    if (octet === CR && index + 1 < length && octets[index + 1] === LF) index += 1;
    else if (octet === CR || octet === LF) extra += 1;
    else continue;
    if (index + 1 < length && octets[index + 1] === DOT && dots.length <= mostDots) dots.push(index + 1);
  }
  const last = length > 0 ? octets[length - 1] : LF;
  if (last !== CR && last !== LF) extra += 2;
  return {
    textSize: length + extra,
    eightBit: bits > 127,
    canonical: extra === 0,
    dots: dots.length > mostDots ? undefined : dots,
  };
}
