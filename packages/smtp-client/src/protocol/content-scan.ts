const CR = 13;
const LF = 10;
const DOT = 46;

/** What one pass over whole content finds out. */
export interface ContentScan {
  /** Octets in text mode: every line end as CRLF, one added at the end if it is missing, no dots added (RFC 1870 §3). */
  readonly textSize: number;
  /** Whether any octet has its high bit set. */
  readonly eightBit: boolean;
  /** Whether the octets are text already: only CRLF as line ends, and one at the end unless empty. */
  readonly canonical: boolean;
  /** Whether a line begins with a dot, so that DATA must add one (RFC 5321 §4.5.2). */
  readonly dots: boolean;
}

/** Looks once at every octet of the content. */
export function scanContent(octets: Uint8Array): ContentScan {
  const length = octets.length;
  let bits = 0;
  let extra = 0;
  let dots = false;
  let previous = LF;
  let lineStart = true;
  for (let index = 0; index < length; index++) {
    const octet = octets[index]!;
    bits |= octet;
    if (octet > DOT) {
      if (previous === CR) extra += 1;
      lineStart = false;
    } else if (octet === LF) {
      if (previous !== CR) extra += 1;
      lineStart = true;
    } else {
      if (previous === CR) {
        extra += 1;
        lineStart = true;
      }
      if (octet === DOT && lineStart) dots = true;
      lineStart = false;
    }
    previous = octet;
  }
  if (length > 0 && previous === CR) extra += 1;
  else if (length > 0 && previous !== LF) extra += 2;
  return { textSize: length + extra, eightBit: bits > 127, canonical: extra === 0, dots };
}
