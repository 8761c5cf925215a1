/** A repeatable random source, in the forms that all `@mb` packages accept. */
export interface SeededRandom {
  /** The seed, to be printed by a failing test. */
  readonly seed: number | string;
  /** Returns the next number in [0, 1). */
  readonly random: () => number;
  /** Returns the next `length` octets. They are predictable; do not use them for real keys or identifiers. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** Returns an integer from `least` to `most`, inclusive. */
  integer(least: number, most: number): number;
  /** Returns one of `items`, which must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
  /** Returns an independent source, so that draws in one part of a test do not change those in another. */
  fork(label: string): SeededRandom;
}

/**
 * Creates a repeatable random source: the same seed gives the same numbers on every machine.
 *
 * @example
 * const { random, randomBytes } = createSeededRandom(42);
 */
export function createSeededRandom(seed: number | string): SeededRandom {
  const next = sfc32(String(seed));
  const random = () => next() / 2 ** 32;
  return {
    seed,
    random,
    randomBytes(length) {
      const octets = new Uint8Array(length);
      for (let i = 0; i < length; i++) octets[i] = next() >>> 24;
      return octets;
    },
    integer: (least, most) => least + Math.floor(random() * (most - least + 1)),
    pick: (items) => items[Math.floor(random() * items.length)]!,
    fork: (label) => createSeededRandom(`${seed}/${label}`),
  };
}

/** Chris Doty-Humphrey's small fast counting generator (PractRand's sfc32), seeded by a 32-bit hash of `text`. */
function sfc32(text: string): () => number {
  let a = fnv1a(text, 0x811c9dc5);
  let b = fnv1a(text, a);
  let c = fnv1a(text, b);
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** The FNV-1a hash of the UTF-16 code units of `text`, started from `basis`. */
function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
