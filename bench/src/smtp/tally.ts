import { MESSAGE } from './payload.ts';
import type { Sink } from './sink.ts';

/** Compares what a client says was accepted with what a sink has taken. */
export class Tally {
  readonly #sink: Sink;
  #seen = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /**
   * Checks one run of `count` messages.
   *
   * @param exact  the client was given the octets, so the sink must have got the same.
   */
  async check(accepted: unknown, count: number, exact: boolean): Promise<string | undefined> {
    const total = await this.#sink.messages(this.#seen + count);
    const taken = total - this.#seen;
    this.#seen = total;
    if (accepted !== count) return `says that ${accepted} of ${count} messages were accepted`;
    if (taken !== count) return `the server took ${taken} messages instead of ${count}`;
    const first = exact ? await this.#sink.firstMessage?.() : undefined;
    return first === undefined || first.equals(MESSAGE) ? undefined : 'the message arrives with other octets';
  }
}
