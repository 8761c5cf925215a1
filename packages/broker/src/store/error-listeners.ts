import { BrokerError } from '../errors.ts';

/** The listeners to failures of background work: timers, pumps, connections that wait. */
export class ErrorListeners {
  readonly #listeners = new Set<(error: unknown) => void>();

  /** Returns what takes the listener off again. */
  add(listener: (error: unknown) => void): () => void {
    const entry = (error: unknown) => listener(error);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Tells all listeners; what one of them throws is a process warning and reaches no other listener. */
  report(error: unknown): void {
    for (const listener of this.#listeners) guarded(listener)(error);
  }
}

/** A callback of the application that cannot break what calls it: what it throws becomes a warning of the process. */
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

/** True for an error that a repetition of the same call cannot end, because the call itself is wrong. */
export function isCallersFault(error: unknown): boolean {
  return BrokerError.isInstance(error) && (error.kind === 'api-misuse' || error.kind === 'invalid-input');
}
