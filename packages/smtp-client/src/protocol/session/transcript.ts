import type { Reply, TranscriptEntry } from '../../errors.ts';

/** What was said, in its cheapest form: a command, a reply, or a note. */
type Said = string | Reply | { readonly note: string };

/**
 * Collects what was said, bounded; callers leave out content and secrets.
 *
 * Few transcripts are ever read, so entries are made only when they are read.
 */
export class Transcript {
  /** What was said, each after the time at which it was said if that differs from the one before. */
  readonly #said: (Said | number)[] = [];
  readonly #most: number;
  readonly #hook: ((entry: TranscriptEntry) => void) | undefined;
  /** Entries so far, dropped ones included. */
  #length = 0;
  #at = Number.NaN;

  constructor(most: number, hook: ((entry: TranscriptEntry) => void) | undefined) {
    this.#most = most;
    this.#hook = hook;
  }

  /** A line that the client sent. */
  command(at: number, line: string): void {
    this.#add(at, line, 1);
  }

  /** A reply of the server. */
  reply(at: number, reply: Reply): void {
    this.#add(at, reply, Math.max(reply.lines.length, 1));
  }

  /** A note about the session. */
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

  /** The entries so far; the last one says how many more there were. */
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
