import { checkType } from '../../errors.ts';
import { createVectorScan } from '../fast/vector-scan.ts';
import { type Findings, mostDots, scanWords } from '../fast/word-scan.ts';

const CR = 13;
const LF = 10;

/** The result of scanning whole content. */
export interface ContentScan {
  /** Size in octets with CRLF line ends and a line end at the end, without stuffed dots (RFC 1870 §3). */
  readonly textSize: number;
  /** Whether any octet has its high bit set. */
  readonly eightBit: boolean;
  /** Whether all line ends are CRLF, including one at the end unless the content is empty. */
  readonly canonical: boolean;
  /** Offsets of lines that begin with a dot, which DATA must stuff (RFC 5321 §4.5.2); undefined when too many. */
  readonly dots: readonly number[] | undefined;
}

let scan: ((octets: Uint8Array) => Findings) | undefined;

/** Scans octets with the fastest scanner that the runtime supports. */
export function findIn(octets: Uint8Array): Findings {
  scan ??= createVectorScan() ?? scanWords;
  return scan(octets);
}

/** Scans whole content. @throws {SmtpError} MB_SMTP_OPTION */
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
