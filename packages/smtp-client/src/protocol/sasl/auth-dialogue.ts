import type { Reply } from '../../errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';

/** RFC 5321 §4.5.3.1.4: a command line has at most 512 octets; a longer initial response is sent after the 334. */
const maxCommandOctets = 510;

/**
 * RFC 4954 §6: 504, 534 and 538. QUIRK(some servers): 501 and 502 to a mechanism that is offered but not configured.
 */
const aboutMechanism: ReadonlySet<number> = new Set([500, 501, 502, 504, 534, 538]);

/** The AUTH commands of a session (RFC 4954 §4): chooses mechanisms, and writes responses. */
export class AuthDialogue {
  readonly #mechanisms: readonly string[];
  /** Whether the caller can give other credentials after a refusal. */
  #renewable: boolean;
  /** Number of refusals of credentials that cannot be renewed. */
  #refusals = 0;
  #index = -1;
  #begun = false;
  #delayed: Uint8Array | undefined;
  #offered: readonly string[] = [];
  /** The last refusal of a mechanism. */
  refusal: Reply | undefined;
  /** The last refusal of the credentials. */
  credentialRefusal: Reply | undefined;

  /** @param mechanisms  Best first. */
  constructor(mechanisms: readonly string[], renewable: boolean) {
    this.#mechanisms = mechanisms;
    this.#renewable = renewable;
  }

  /** The mechanism that is being tried. */
  get mechanism(): string {
    return this.#mechanisms[this.#index]!;
  }

  /** Chooses the next mechanism that the server offers; returns false when none is left. */
  choose(offered: readonly string[]): boolean {
    this.#offered = offered;
    this.#restart();
    do this.#index += 1;
    while (this.#index < this.#mechanisms.length && !offered.includes(this.mechanism));
    return this.#index < this.#mechanisms.length;
  }

  /** Returns the line for a response, and the text for the transcript, without secrets. */
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

  /** Takes the initial response that was too long for the command and follows the first challenge. */
  takeDelayed(): Uint8Array | undefined {
    const delayed = this.#delayed;
    this.#delayed = undefined;
    return delayed;
  }

  /** Returns the octets of a challenge; undefined when it is not base64. */
  read(reply: Reply): Uint8Array | undefined {
    return decodeBase64(reply.lines[0] ?? '');
  }

  /** RFC 4954 §4: the last data of a mechanism comes in a 334. QUIRK(some servers): they put it into their 235. */
  readSuccess({ lines }: Reply): Uint8Array | undefined {
    const last = lines.join(' ').trim().split(' ').at(-1)!;
    return last.length >= 8 ? decodeBase64(last) : undefined;
  }

  /**
   * Records a refusal, and decides what to try next: another mechanism, the same one with renewed credentials, or nothing.
   * After a refusal of the credentials each is tried only once, since refusals may lock the account.
   */
  refuse(reply: Reply): 'next' | 'renew' | 'end' {
    this.refusal = reply;
    if (aboutMechanism.has(reply.code)) return 'next';
    this.credentialRefusal = reply;
    // RFC 4954 §6: 454 is temporary; neither the mechanism nor the credentials are at fault.
    if (reply.code < 500) return 'end';
    if (this.#renewable) {
      this.#renewable = false;
      this.#restart();
      return 'renew';
    }
    this.#refusals += 1;
    return this.#refusals === 1 && this.#hasNext() ? 'next' : 'end';
  }

  #hasNext(): boolean {
    return this.#mechanisms.slice(this.#index + 1).some((name) => this.#offered.includes(name));
  }

  #restart(): void {
    this.#begun = false;
    this.#delayed = undefined;
  }
}
