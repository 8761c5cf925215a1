import { exitCodes } from './exit-code.ts';

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal that asks a command to stop. */
export type EndSignal = (typeof endSignals)[number];

/**
 * Calls `onSignal` for the first signal that asks the process to stop; a second one ends the process at once.
 *
 * @param names  The signals. Default: all.
 * @returns A function to call when stopping has begun for another reason, so that the next signal ends the process.
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
 * Calls `listener` for signals, instead of their default action.
 *
 * @returns A function that removes the listener.
 */
export function onSignals(names: readonly EndSignal[], listener: (signal: EndSignal) => void): () => void {
  const handle: NodeJS.SignalsListener = (signal) => listener(signal as EndSignal);
  for (const name of names) process.on(name, handle);
  return () => {
    for (const name of names) process.off(name, handle);
  };
}

/** An AbortSignal for the work of a command. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Removes the listeners and the timer. */
  end(): void;
}

/** Aborts its signal on Ctrl-C (or other signals) or after a timeout; a second Ctrl-C ends the process at once. */
export function interruptible(
  timeoutSeconds: number | undefined,
  names: readonly EndSignal[] = ['SIGINT'],
): Interruption {
  const controller = new AbortController();
  const endSignal = onSignals(names, () => {
    // The next signal has its default action.
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
