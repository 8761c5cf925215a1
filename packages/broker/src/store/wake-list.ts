/** Listeners that are called once for all notifications in the same turn of the event loop. */
export class WakeList {
  readonly #listeners = new Set<() => void>();
  #pending = false;

  /** Returns the function that removes the listener. */
  add(listener: () => void): () => void {
    // A wrapper of its own, so that a function added twice is removed once.
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Calls the listeners, in a microtask. */
  notify(): void {
    if (this.#pending || this.#listeners.size === 0) return;
    this.#pending = true;
    queueMicrotask(() => {
      this.#pending = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
