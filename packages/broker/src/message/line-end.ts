const lf = 10;
const cr = 13;

/**
 * Makes every line end of a body CRLF (RFC 5321 §2.3.8), in whatever pieces it comes: a bare LF and a bare CR become
 * CRLF, as signing and sending read them.
 */
export class LineEnds {
  /** The octet before the next piece. */
  #last = 0;

  /** The piece with its line ends as CRLF; the same array when nothing has to change. */
  push(octets: Uint8Array): Uint8Array {
    if (octets.length === 0) return octets;
    const before = this.#last;
    this.#last = octets[octets.length - 1]!;
    // A CR at the end of a piece waits for what follows.
    const missing = countMissing(octets, before);
    if (missing === 0) return octets;
    const out = new Uint8Array(octets.length + missing);
    let to = 0;
    let previous = before;
    for (const octet of octets) {
      if (octet === lf && previous !== cr) out[to++] = cr;
      else if (octet !== lf && previous === cr) out[to++] = lf;
      out[to++] = octet;
      previous = octet;
    }
    return out.subarray(0, to);
  }

  /** What is missing at the end: the LF of a last CR. */
  end(): Uint8Array {
    return this.#last === cr ? Uint8Array.of(lf) : new Uint8Array();
  }
}

/** Octets to be added: a CR before each bare LF, an LF behind each CR that is followed by something else. */
function countMissing(octets: Uint8Array, before: number): number {
  let missing = before === cr && octets[0] !== lf ? 1 : 0;
  for (let at = octets.indexOf(lf); at >= 0; at = octets.indexOf(lf, at + 1)) {
    if ((at === 0 ? before : octets[at - 1]) !== cr) missing++;
  }
  for (let at = octets.indexOf(cr); at >= 0; at = octets.indexOf(cr, at + 1)) {
    if (at + 1 < octets.length && octets[at + 1] !== lf) missing++;
  }
  return missing;
}

/** True when a CR is not followed by LF. */
export function hasLoneCr(octets: Uint8Array): boolean {
  for (let at = octets.indexOf(cr); at >= 0; at = octets.indexOf(cr, at + 1)) {
    if (octets[at + 1] !== lf) return true;
  }
  return false;
}
