/** A signal that ends what is going on, and the way to be done with it. */
export interface Interruption {
  readonly signal: AbortSignal;
  end(): void;
}

/** Aborted by Ctrl-C (or other signals) or after the time given; a second Ctrl-C ends the process as ever. */
export function interruptible(
  timeoutSeconds: number | undefined,
  signals: readonly NodeJS.Signals[] = ['SIGINT'],
): Interruption {
  const controller = new AbortController();
  const onInterrupt = () => controller.abort(new Error('Interrupted by the user.'));
  for (const name of signals) process.once(name, onInterrupt);
  const onTimeout = () => controller.abort(new Error(`Timed out after ${timeoutSeconds} s.`));
  const timer = timeoutSeconds === undefined ? undefined : setTimeout(onTimeout, timeoutSeconds * 1000);
  return {
    signal: controller.signal,
    end() {
      for (const name of signals) process.off(name, onInterrupt);
      clearTimeout(timer);
    },
  };
}
