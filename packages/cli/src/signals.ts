import { exitCodes } from './exit-code.ts';

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal that asks a command to end. */
export type EndSignal = (typeof endSignals)[number];

/**
 * Calls `onSignal` for the first signal that asks the process to end; a second one ends it at once.
 *
 * @param names  Signals that do so; default all.
 * @returns What to call when the end has begun for another reason: the next signal ends the process at once then.
 */
export function untilSignal(
  onSignal: (signal: EndSignal) => void,
  names: readonly EndSignal[] = endSignals,
): () => void {
  const endFirst = onSignals(names, (signal) => {
    secondEnds();
    onSignal(signal);
  });
  const secondEnds = () => {
    endFirst();
    onSignals(names, () => process.exit(exitCodes.interrupted));
  };
  return secondEnds;
}

/**
 * Calls `listener` for signals, in place of what they do otherwise.
 *
 * @returns the function that ends it.
 */
export function onSignals(names: readonly EndSignal[], listener: (signal: EndSignal) => void): () => void {
  const handle: NodeJS.SignalsListener = (signal) => listener(signal as EndSignal);
  for (const name of names) process.on(name, handle);
  return () => {
    for (const name of names) process.off(name, handle);
  };
}

/** A signal that ends what is going on, and the way to be done with it. */
export interface Interruption {
  readonly signal: AbortSignal;
  end(): void;
}

/** Aborted by Ctrl-C (or other signals) or after the time given; a second Ctrl-C ends the process at once. */
export function interruptible(
  timeoutSeconds: number | undefined,
  names: readonly EndSignal[] = ['SIGINT'],
): Interruption {
  const controller = new AbortController();
  const endSignal = onSignals(names, () => {
    // The next one does what it does without a listener.
    endSignal();
    controller.abort(new Error('Interrupted by the user.'));
  });
  const onTimeout = () => controller.abort(new Error(`Timed out after ${timeoutSeconds} s.`));
  const timer = timeoutSeconds === undefined ? undefined : setTimeout(onTimeout, timeoutSeconds * 1000);
  return {
    signal: controller.signal,
    end() {
      endSignal();
      clearTimeout(timer);
    },
  };
}
