import type { QueueEvent, QueueEventType } from '@mb/broker';
import { colors as pc } from '../colors.ts';
import { isCodedError } from '../errors.ts';
import { jsonLine } from '../output.ts';
import { lastWord } from '../queue/recipients.ts';
import { printable } from '../terminal.ts';
import { formatDistance, formatMoment } from '../time.ts';

/** What a worker says while it runs. */
export interface WorkLog {
  onEvent(event: QueueEvent): void;
  /** The worker itself: `started`, `stopping`, `stopped`. */
  onState(state: string, facts: Readonly<Record<string, string | number>>): void;
  /** Trouble that the worker lives through. */
  onError(error: unknown): void;
}

/** Who says it: `mb work` or `mb serve`. */
export type LogName = 'worker' | 'server';

/** One JSON object a line: the events as the broker gives them, and the worker's own. */
export function jsonLog(
  write: (line: string) => void,
  now: () => number = Date.now,
  name: LogName = 'worker',
): WorkLog {
  const line = (value: object) => write(jsonLine(value));
  return {
    onEvent: line,
    onState: (state, facts) => line({ type: `${name}-${state}`, at: now(), ...facts }),
    onError: (error) => line({ type: `${name}-error`, at: now(), ...errorFacts(error) }),
  };
}

const SIGNS: Readonly<Partial<Record<QueueEventType, string>>> = {
  delivered: pc.green('✓'),
  deferred: pc.yellow('…'),
  delayed: pc.yellow('…'),
  unknown: pc.yellow('?'),
  failed: pc.red('✗'),
  expired: pc.red('✗'),
  complained: pc.red('✗'),
};

/** One line for people each; that an attempt begins is left out, since how it ends follows. */
export function readableLog(
  write: (line: string) => void,
  now: () => number = Date.now,
  name: LogName = 'worker',
): WorkLog {
  const line = (at: number, sign: string, text: string) =>
    write(`${pc.dim(formatMoment(at).slice(11))} ${sign} ${printable(text).replaceAll('\n', ' ')}\n`);
  return {
    onEvent(event) {
      if (event.type === 'attempted' || event.type === 'returned') return;
      line(event.at, SIGNS[event.type] ?? pc.dim('·'), describe(event));
    },
    onState: (state, facts) => {
      const details = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
      line(now(), pc.dim('·'), [`${name} ${state}`, ...details].join(', '));
    },
    onError: (error) => line(now(), pc.red('!'), errorFacts(error).message),
  };
}

function describe({ type, messageId, address, attempt, at, nextAttemptAt, detail }: QueueEvent): string {
  const word = lastWord(detail);
  return [
    `${messageId} ${address ?? 'message'} ${type}`,
    ...(attempt > 1 ? [`, attempt ${attempt}`] : []),
    ...(nextAttemptAt === undefined ? [] : [`, again ${formatDistance(nextAttemptAt, at)}`]),
    ...(word === '' ? [] : [`: ${word}`]),
  ].join('');
}

function errorFacts(error: unknown): { readonly message: string; readonly code?: string } {
  const message = error instanceof Error ? error.message : String(error);
  return isCodedError(error) ? { message, code: error.code } : { message };
}
