import type { Reply } from '../../errors.ts';

/** Number of slots, a power of two, large enough that the four replies of a transaction seldom share one. */
const slots = 64;
const longestKept = 128;

interface Kept {
  readonly line: Uint8Array;
  readonly reply: Reply;
}

/**
 * Caches replies of one line, since servers repeat a few replies: the same octets are not parsed again. Cached replies
 * are frozen, because several outcomes share them.
 */
export class ReplyCache {
  readonly #kept: (Kept | undefined)[] = new Array(slots).fill(undefined);

  /** Returns the cached reply for the line in `octets` from `start` to `end`. */
  find(octets: Uint8Array, start: number, end: number): Reply | undefined {
    const kept = this.#kept[slotOf(octets, start, end)];
    if (kept === undefined) return undefined;
    const { line } = kept;
    if (line.length !== end - start) return undefined;
    for (let index = 0; index < line.length; index++) {
      if (line[index] !== octets[start + index]) return undefined;
    }
    return kept.reply;
  }

  keep(octets: Uint8Array, start: number, end: number, reply: Reply): void {
    if (end - start > longestKept) return;
    Object.freeze(reply.lines);
    Object.freeze(reply);
    this.#kept[slotOf(octets, start, end)] = { line: octets.slice(start, end), reply };
  }
}

/** The slot of a line, by its length and beginning: usual replies differ in their code and status. */
function slotOf(octets: Uint8Array, start: number, end: number): number {
  const few = Math.min(end, start + 9);
  let hash = end - start;
  for (let index = start; index < few; index++) hash = (hash * 31 + octets[index]!) | 0;
  return (hash ^ (hash >> 4)) & (slots - 1);
}
