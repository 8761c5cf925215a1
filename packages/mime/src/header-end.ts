import { checkOctets, integer } from './argument.ts';

const lf = 10;
const place = /* @__PURE__ */ integer(0);

/**
 * Finds the empty line that ends the header of a message (RFC 5322 §2.1). A bare LF counts as a line end.
 *
 * @param octets  A message, or its beginning.
 * @param from  Offset at which the search starts; default 0. After a search of the first n octets, pass n - 2.
 * @returns Offset of the empty line, or the number of octets if there is none.
 * @throws {MimeError} MB_MIME_OPTION for arguments of other types.
 * @example
 * const end = findHeaderEnd(octets);
 * const { headers } = parseHeaderBlock(octets.subarray(0, end));
 */
export function findHeaderEnd(octets: Uint8Array, from = 0): number {
  checkOctets(octets, 'findHeaderEnd: octets');
  place(from, 'findHeaderEnd', 'from');
  if (from === 0 && isLineEnd(octets, 0)) return 0;
  for (let at = octets.indexOf(lf, from); at >= 0; at = octets.indexOf(lf, at + 1)) {
    if (isLineEnd(octets, at + 1)) return at + 1;
  }
  return octets.length;
}

function isLineEnd(octets: Uint8Array, at: number): boolean {
  return octets[at] === lf || (octets[at] === 13 && octets[at + 1] === lf);
}
