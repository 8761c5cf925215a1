const lf = 10;

/**
 * Index of the empty line that ends the header, or the end of a message that is all header (RFC 5322 §2.1). Bare LF
 * counts as a line end too.
 *
 * @param from  Where to begin: no empty line is before it.
 */
export function findHeaderEnd(octets: Uint8Array, from = 0): number {
  if (from === 0 && isLineEnd(octets, 0)) return 0;
  for (let at = octets.indexOf(lf, from); at >= 0; at = octets.indexOf(lf, at + 1)) {
    if (isLineEnd(octets, at + 1)) return at + 1;
  }
  return octets.length;
}

function isLineEnd(octets: Uint8Array, at: number): boolean {
  return octets[at] === lf || (octets[at] === 13 && octets[at + 1] === lf);
}
