import type { Reply, TranscriptEntry } from '../../errors.ts';

/** A command, a reply or a note, in its cheapest form. */
type Said = string | Reply | { readonly note: string };

/**
 * Collects a bounded transcript. Callers leave out content and secrets.
 *
 * Few transcripts are read, so entries are created only when they are.
 */
export class Transcript {
  /** Items, each preceded by its time if that differs from the time of the item before. */
  readonly #said: (Said | number)[] = [];
  readonly #most: number;
  readonly #hook: ((entry: TranscriptEntry) => void) | undefined;
  /** Number of entries so far, including dropped ones. */
  #length = 0;
  #at = Number.NaN;

  constructor(most: number, hook: ((entry: TranscriptEntry) => void) | undefined) {
    this.#most = most;
    this.#hook = hook;
  }

  /** Adds a line that the client sent. */
  command(at: number, line: string): void {
    this.#add(at, line, 1);
  }

  /** Adds a reply of the server. */
  reply(at: number, reply: Reply): void {
    this.#add(at, reply, Math.max(reply.lines.length, 1));
  }

  /** Adds a note about the session. */
  note(at: number, note: string): void {
    this.#add(at, { note }, 1);
  }

  #add(at: number, said: Said, entries: number): void {
    if (this.#length < this.#most) {
      if (at !== this.#at) {
        this.#at = at;
        this.#said.push(at);
      }
      this.#said.push(said);
    }
    this.#length += entries;
    if (this.#hook) for (const entry of entriesOf(at, said)) this.#hook(entry);
  }

  /** The entries so far. If there were too many, the last entry says how many are missing. */
  snapshot(): TranscriptEntry[] {
    const entries: TranscriptEntry[] = [];
    let at = 0;
    for (const said of this.#said) {
      if (typeof said === 'number') at = said;
      else entries.push(...entriesOf(at, said));
    }
    if (this.#length <= this.#most) return entries;
    entries.length = this.#most;
    const text = `${this.#length - this.#most} more entries were not kept`;
    return [...entries, { at, direction: 'note', text }];
  }
}

function entriesOf(at: number, said: Said): TranscriptEntry[] {
  if (typeof said === 'string') return [{ at, direction: 'client', text: said }];
  if ('note' in said) return [{ at, direction: 'note', text: said.note }];
  const { code, lines } = said;
  if (lines.length <= 1)
    return [{ at, direction: 'server', text: lines[0] ? `${code} ${lines[0]}` : `${code}` }];
  const last = lines.length - 1;
  return lines.map((line, index) => ({
    at,
    direction: 'server',
    text: `${code}${index < last ? '-' : ' '}${line}`,
  }));
}
