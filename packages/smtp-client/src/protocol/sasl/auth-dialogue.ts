import type { Reply } from '../../errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';

/** RFC 5321 §4.5.3.1.4: a command line has at most 512 octets, so a longer initial response waits for its 334. */
const maxCommandOctets = 510;

/** The AUTH commands of a session (RFC 4954 §4): which mechanism is tried, and how responses are written. */
export class AuthDialogue {
  readonly #mechanisms: readonly string[];
  #index = -1;
  #begun = false;
  #delayed: Uint8Array | undefined;
  /** The last refusal of a mechanism. */
  refusal: Reply | undefined;

  /** @param mechanisms  Best first. */
  constructor(mechanisms: readonly string[]) {
    this.#mechanisms = mechanisms;
  }

  /** The mechanism that is being tried. */
  get mechanism(): string {
    return this.#mechanisms[this.#index]!;
  }

  /** Goes on to the next mechanism that the server offers; false when none is left. */
  choose(offered: readonly string[]): boolean {
    this.#begun = false;
    this.#delayed = undefined;
    do this.#index += 1;
    while (this.#index < this.#mechanisms.length && !offered.includes(this.mechanism));
    return this.#index < this.#mechanisms.length;
  }

  /** The line to send for a response, and what may be shown of it. */
  write(response: Uint8Array | undefined): { readonly line: string; readonly shown: string } {
    const encoded = response && encodeBase64(response);
    if (this.#begun) return { line: encoded ?? '', shown: '(response to AUTH)' };
    this.#begun = true;
    const shown = `AUTH ${this.mechanism}`;
    if (encoded === undefined) return { line: shown, shown };
    // RFC 4954 §4: an empty initial response is written as `=`.
    const line = `${shown} ${encoded === '' ? '=' : encoded}`;
    if (line.length <= maxCommandOctets) return { line, shown: `${shown} (initial response)` };
    this.#delayed = response;
    return { line: shown, shown };
  }

  /** An initial response that was too long for the command and waits for the first challenge. */
  takeDelayed(): Uint8Array | undefined {
    const delayed = this.#delayed;
    this.#delayed = undefined;
    return delayed;
  }

  /** The octets of a challenge; undefined when it is not base64. */
  read(reply: Reply): Uint8Array | undefined {
    return decodeBase64(reply.lines[0] ?? '');
  }

  /** Notes a refusal and says whether it is about the mechanism (another one may do) or about the credentials. */
  refuse(reply: Reply): 'mechanism' | 'credentials' {
    this.refusal = reply;
    // RFC 4954 §6: 504 and 534; QUIRK(some servers): 501 to a mechanism that is offered and not configured.
    return reply.code === 504 || reply.code === 534 || reply.code === 501 ? 'mechanism' : 'credentials';
  }
}
