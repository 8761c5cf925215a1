import type { Attributes, Counter } from '@opentelemetry/api';

/**
 * Sums additions to a counter by their attributes, and passes on one addition for each series: an SDK hashes the
 * attributes of every addition, which takes longer than everything else that is done for it.
 *
 * Call {@link CounterSums.flush} when metrics are collected. The number of sums is that of the counter's series.
 */
export class CounterSums {
  readonly #counter: Counter;
  readonly #names: readonly string[];
  readonly #sums = new Map<string, { readonly attributes: Attributes; count: number }>();

  /** @param names  Names of the attributes. */
  constructor(counter: Counter, names: readonly string[] = []) {
    this.#counter = counter;
    this.#names = names;
  }

  /** @param values  Values of the attributes, in the order of their names; those that are undefined are left out. */
  add(count: number, ...values: readonly (string | undefined)[]): void {
    const key = values.join('\n');
    const sum = this.#sums.get(key);
    if (sum) sum.count += count;
    else this.#sums.set(key, { attributes: this.#attributesOf(values), count });
  }

  /** Passes on what was added since the last call. */
  flush(): void {
    for (const sum of this.#sums.values()) {
      if (sum.count === 0) continue;
      this.#counter.add(sum.count, sum.attributes);
      sum.count = 0;
    }
  }

  #attributesOf(values: readonly (string | undefined)[]): Attributes {
    return Object.fromEntries(
      this.#names.flatMap((name, index) => (values[index] === undefined ? [] : [[name, values[index]]])),
    );
  }
}
