import type { Reply } from '../../errors.ts';

/** Minimum length of a part of a secret to mask; servers may truncate what they repeat. */
const telling = 12;
const mask = '***';
const blanks = /\s+/g;

/** Masks credentials that a server repeats in a reply, so that no log contains them. */
export class Secrets {
  /** Parts of secrets, without white space and in lower case, by length. */
  readonly #parts = new Map<number, Set<string>>();

  /** Adds a secret to mask. */
  add(secret: string): void {
    const bare = lowerCase(secret.replace(blanks, ''));
    if (bare === '') return;
    const length = Math.min(bare.length, telling);
    let known = this.#parts.get(length);
    if (!known) {
      known = new Set();
      this.#parts.set(length, known);
    }
    for (let at = 0; at + length <= bare.length; at++) known.add(bare.slice(at, at + length));
  }

  /** Returns `reply` with secrets masked, even if they are split by line ends or white space, or in other case. */
  mask(reply: Reply): Reply {
    if (this.#parts.size === 0) return reply;
    const flat: string[] = [];
    /** Position of each character of `flat`: its line and its index there. */
    const places: [line: number, at: number][] = [];
    reply.lines.forEach((line, number) => {
      for (let at = 0; at < line.length; at++) {
        if (/\s/.test(line[at]!)) continue;
        flat.push(line[at]!);
        places.push([number, at]);
      }
    });
    const hidden = this.#find(lowerCase(flat.join('')));
    if (hidden.size === 0) return reply;
    const holes = reply.lines.map(() => new Set<number>());
    for (const index of hidden) {
      const [line, at] = places[index]!;
      holes[line]!.add(at);
    }
    return { ...reply, lines: reply.lines.map((line, number) => withHoles(line, holes[number]!)) };
  }

  #find(flat: string): Set<number> {
    const hidden = new Set<number>();
    for (const [length, known] of this.#parts) {
      for (let at = 0; at + length <= flat.length; at++) {
        if (!known.has(flat.slice(at, at + length))) continue;
        for (let index = at; index < at + length; index++) hidden.add(index);
      }
    }
    return hidden;
  }
}

/** Replaces each masked part, with the white space in it, by one mask, so that its length is hidden. */
function withHoles(line: string, holes: ReadonlySet<number>): string {
  let out = '';
  let blanksAfterMask: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (holes.has(at)) {
      if (blanksAfterMask === undefined) out += mask;
      blanksAfterMask = '';
    } else if (blanksAfterMask !== undefined && /\s/.test(character)) {
      blanksAfterMask += character;
    } else {
      out += (blanksAfterMask ?? '') + character;
      blanksAfterMask = undefined;
    }
  }
  return out + (blanksAfterMask ?? '');
}

/** Lower case for ASCII letters only, since others may change their length. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
