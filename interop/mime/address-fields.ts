/** A generated address field, and how it was damaged. */
export interface AddressField {
  readonly text: string;
  /** Empty for a field that is well formed. */
  readonly damage: string;
}

/** Pseudo-random numbers from 0 to below 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const names = [
  'Ann',
  'Ann Doe',
  'J. R. Doe',
  '"Doe, Ann"',
  '"a \\"b\\" c"',
  '"<x@y.test>"',
  "O'Neil",
  'Ann (x) Doe',
  '',
];
const locals = ['ann', 'a.b', 'a+b', '"a b"', '"a,b"', '"a@b"', 'x_y', 'n0'];
const domains = ['example.com', 'a.example.net', 'h-1.test', '[192.0.2.1]'];
const comments = ['', '', '', ' (c)', ' (a, b)', ' (x@y.test)', ' ((n) m)'];

/** Each takes a well-formed list of entries and spoils it. */
const damages: Readonly<Record<string, (entry: string, random: () => number) => string>> = {
  'mark in brackets': (entry) => `[EXT] ${entry}`,
  'colon in name': (entry) => `Re: ${entry}`,
  'address before': (entry) => `joe@attacker.test ${entry}`,
  'angle brackets before': (entry) => `<joe@attacker.test> ${entry}`,
  'text after': (entry) => `${entry} Doe`,
  'no closing bracket': (entry) => entry.replace('>', ''),
  'no opening bracket': (entry) => entry.replace('<', ''),
  'doubled brackets': (entry) => entry.replace('<', '<<').replace('>', '>>'),
  'open quote': (entry) => `"${entry}`,
  'open comment': (entry) => `(${entry}`,
  'stray bracket': (entry) => `3 <4 ${entry}`,
  'name with @': (entry) => `Ann @ Acme ${entry}`,
  dots: (entry) => entry.replace(/(\w)@/, '$1.@'),
  'dot after domain': (entry) => entry.replace(/(\w)(>|$)/, '$1.$2'),
  'two @': (entry) => entry.replace('@', '@@'),
  semicolons: (entry) => `${entry}; bob@example.org`,
  'group without end': (entry) => `Team: ${entry}, bob@example.org`,
  'empty brackets': (entry) => `${entry} <>`,
  'a character less': (entry, random) => {
    const at = Math.floor(random() * entry.length);
    return entry.slice(0, at) + entry.slice(at + 1);
  },
  'a character more': (entry, random) => {
    const at = Math.floor(random() * entry.length);
    return entry.slice(0, at) + '<>@,;:"()[]\\. '[Math.floor(random() * 14)] + entry.slice(at);
  },
};

/** Makes fields, well formed and damaged in turn; the same for the same seed. */
export function generateAddressFields(count: number, seed: number): AddressField[] {
  const random = randomFrom(seed);
  const one = <Value>(values: readonly Value[]) => values[Math.floor(random() * values.length)]!;
  const entry = () => {
    const address = `${one(locals)}@${one(domains)}`;
    const name = one(names);
    return name === '' && random() < 0.5
      ? `${address}${one(comments)}`
      : `${name} <${address}>${one(comments)}`.trim();
  };
  const kinds = Object.keys(damages);
  return Array.from({ length: count }, (_, index) => {
    const entries = Array.from({ length: 1 + Math.floor(random() * 3) }, entry);
    if (index % 3 === 0) {
      const text = entries.join(one([', ', ',', ' ,\t', ',, ']));
      return { text: random() < 0.1 ? `Team: ${text};` : text, damage: '' };
    }
    const damage = one(kinds);
    entries[0] = damages[damage]!(entries[0]!, random);
    return { text: entries.join(', '), damage };
  });
}
