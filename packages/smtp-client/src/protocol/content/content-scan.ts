import { checkType } from '../../errors.ts';
import { createVectorScan } from '../fast/vector-scan.ts';
import { type Findings, mostDots, scanWords } from '../fast/word-scan.ts';

const CR = 13;
const LF = 10;

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

let scan: ((octets: Uint8Array) => Findings) | undefined;

/** Scans all octets once, by the fastest means that the runtime has. */
export function findIn(octets: Uint8Array): Findings {
  scan ??= createVectorScan() ?? scanWords;
  return scan(octets);
}

/** Scans the octets of the content once. @throws {SmtpError} MB_SMTP_OPTION */
export function scanContent(octets: Uint8Array): ContentScan {
  checkType(octets instanceof Uint8Array, 'scanContent: octets', 'a Uint8Array');
  const { lacking, eightBit, dots } = findIn(octets);
  const { length } = octets;
  const last = length > 0 ? octets[length - 1] : LF;
  const added = last === CR || last === LF ? lacking : lacking + 2;
  return {
    textSize: length + added,
    eightBit,
    canonical: added === 0,
    dots: dots.length > mostDots ? undefined : dots,
  };
}
