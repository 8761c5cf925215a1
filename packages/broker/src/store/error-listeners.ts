import { BrokerError } from '../errors.ts';

/** Listeners for failures of background work, such as timers and waiting connections. */
export class ErrorListeners {
  readonly #listeners = new Set<(error: unknown) => void>();

  /** Returns the function that removes the listener. */
  add(listener: (error: unknown) => void): () => void {
    const entry = (error: unknown) => listener(error);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Calls all listeners. An error that one throws becomes a process warning and does not reach the others. */
  report(error: unknown): void {
    for (const listener of this.#listeners) guarded(listener)(error);
  }
}

/** Wraps a callback of the application so that it cannot break its caller: errors become process warnings. */
export function guarded<Args extends readonly unknown[]>(
  callback: (...args: Args) => unknown,
): (...args: Args) => void {
  const complain = (thrown: unknown) => {
    const said = thrown instanceof Error ? thrown.message : String(thrown);
    process.emitWarning(`A callback threw: ${said}`, { type: 'MailBrokerWarning' });
  };
  return (...args) => {
    try {
      const result = callback(...args);
      if (result instanceof Promise) result.catch(complain);
    } catch (thrown) {
      complain(thrown);
    }
  };
}

/** Whether the call itself is wrong, so that repeating it cannot succeed. */
export function isCallersFault(error: unknown): boolean {
  return BrokerError.isInstance(error) && (error.kind === 'api-misuse' || error.kind === 'invalid-input');
}
