import type { Reply, TranscriptEntry } from '../errors.ts';

/** Collects what was said, bounded; whoever writes to it leaves out content and secrets. */
export class Transcript {
  readonly entries: TranscriptEntry[] = [];
  readonly #most: number;
  readonly #hook: ((entry: TranscriptEntry) => void) | undefined;
  #dropped = 0;

  constructor(most: number, hook: ((entry: TranscriptEntry) => void) | undefined) {
    this.#most = most;
    this.#hook = hook;
  }

  add(at: number, direction: TranscriptEntry['direction'], text: string): void {
    const entry: TranscriptEntry = { at, direction, text };
    if (this.entries.length < this.#most) this.entries.push(entry);
    else this.#dropped += 1;
    this.#hook?.(entry);
  }

  addReply(at: number, reply: Reply): void {
    const { code, lines } = reply;
    if (lines.length <= 1) {
      this.add(at, 'server', lines[0] ? `${code} ${lines[0]}` : `${code}`);
      return;
    }
    const last = lines.length - 1;
    lines.forEach((line, index) => {
      this.add(at, 'server', `${code}${index < last ? '-' : ' '}${line}`);
    });
  }

  /** The entries so far; the last one says how many more there were. */
  snapshot(): TranscriptEntry[] {
    if (this.#dropped === 0) return this.entries;
    const at = this.entries.at(-1)?.at ?? 0;
    return [...this.entries, { at, direction: 'note', text: `${this.#dropped} more entries were not kept` }];
  }
}
