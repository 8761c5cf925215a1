/** Listeners that are told, once for all that happens in the same turn. */
export class WakeList {
  readonly #listeners = new Set<() => void>();
  #pending = false;

  /** Returns what takes the listener off again. */
  add(listener: () => void): () => void {
    // A wrapper of its own, so that the same function added twice is taken off once.
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Tells the listeners, after the code that runs now. */
  notify(): void {
    if (this.#pending || this.#listeners.size === 0) return;
    this.#pending = true;
    queueMicrotask(() => {
      this.#pending = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
