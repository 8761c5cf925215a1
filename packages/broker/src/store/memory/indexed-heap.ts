/** A binary heap from which any item can be removed, not only the first. */
export class IndexedHeap<Item> {
  readonly #before: (a: Item, b: Item) => boolean;
  readonly #items: Item[] = [];
  readonly #positions = new Map<Item, number>();

  /** @param before  Whether `a` comes out before `b`; must not change for an item that is in the heap. */
  constructor(before: (a: Item, b: Item) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  /** All items, in no particular order. */
  items(): readonly Item[] {
    return this.#items;
  }

  add(item: Item): void {
    this.#place(item, this.#items.length);
    this.#rise(this.#items.length - 1);
  }

  /** Removes an item; false when it was not in the heap. */
  delete(item: Item): boolean {
    const position = this.#positions.get(item);
    if (position === undefined) return false;
    this.#positions.delete(item);
    const last = this.#items.pop()!;
    if (last === item) return true;
    this.#place(last, position);
    this.#rise(position);
    this.#sink(this.#positions.get(last)!);
    return true;
  }

  #place(item: Item, position: number): void {
    this.#items[position] = item;
    this.#positions.set(item, position);
  }

  #swap(a: number, b: number): void {
    const item = this.#items[a]!;
    this.#place(this.#items[b]!, a);
    this.#place(item, b);
  }

  #rise(start: number): void {
    for (let position = start; position > 0; ) {
      const parent = (position - 1) >> 1;
      if (!this.#before(this.#items[position]!, this.#items[parent]!)) return;
      this.#swap(position, parent);
      position = parent;
    }
  }

  #sink(start: number): void {
    for (let position = start; ; ) {
      let least = position;
      for (const child of [2 * position + 1, 2 * position + 2]) {
        if (child < this.#items.length && this.#before(this.#items[child]!, this.#items[least]!))
          least = child;
      }
      if (least === position) return;
      this.#swap(position, least);
      position = least;
    }
  }
}
