import { DkimError, toCrlf } from '@mb/dkim';

const cr = 13;
const lf = 10;
/** Lone CRs are looked for in this many octets at most; a longer header is refused by the signer. */
const maxHeaderBytes = 1024 * 1024;

/**
 * A message with CRLF at the end of each line, piece by piece.
 *
 * @throws {DkimError} MB_DKIM_HEADER_SYNTAX for a carriage return without a line feed in the header: readers differ on
 *   whether it ends a line, and a signature would vouch for a field that they see and the signer did not.
 */
export async function* crlfLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const header = new HeaderWatch();
  let held = false;
  for await (const chunk of source) {
    const octets: Uint8Array = held ? Buffer.concat([Uint8Array.of(cr), chunk]) : chunk;
    // The next chunk decides what a CR at the end of this one is.
    held = octets.at(-1) === cr;
    const whole = held ? octets.subarray(0, -1) : octets;
    header.see(whole);
    if (whole.length > 0) yield toCrlf(whole);
  }
  if (held) {
    header.see(Uint8Array.of(cr));
    yield toCrlf(Uint8Array.of(cr));
  }
}

/** Looks for lone CRs up to the empty line. */
class HeaderWatch {
  #seen = 0;
  #lineIsEmpty = true;
  #over = false;

  see(octets: Uint8Array): void {
    for (let at = 0; at < octets.length && !this.#over; at++) {
      const octet = octets[at];
      if (octet === cr && octets[at + 1] !== lf) throw loneCr();
      if (octet === lf) {
        this.#over = this.#lineIsEmpty;
        this.#lineIsEmpty = true;
      } else if (octet !== cr) this.#lineIsEmpty = false;
    }
    this.#seen += octets.length;
    if (this.#seen > maxHeaderBytes) this.#over = true;
  }
}

function loneCr(): DkimError {
  return new DkimError(
    'MB_DKIM_HEADER_SYNTAX',
    'The header has a carriage return without a line feed, which some receivers read as the end of a line. Remove it.',
  );
}
