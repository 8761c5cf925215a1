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
  const endAtOnce = () => process.exit(exitCodes.interrupted);
  const secondEnds = () => {
    for (const name of names) process.off(name, first).on(name, endAtOnce);
  };
  const first: NodeJS.SignalsListener = (signal) => {
    secondEnds();
    onSignal(signal as EndSignal);
  };
  for (const name of names) process.on(name, first);
  return secondEnds;
}
