import type { Observation, ObservationType, QueueEvent, QueueEventType } from '@mb/broker';
import { printableJsonText } from '@mb/broker/printable-text';
import { colors as pc } from '../colors.ts';
import { isCodedError } from '../errors.ts';
import { lastWord } from '../queue/recipients.ts';
import { printable } from '../terminal.ts';
import { formatDistance, formatMoment } from '../time.ts';

/** The log of a worker or server. */
export interface WorkLog {
  onEvent(event: QueueEvent): void;
  /** The state of the process: `started`, `stopping`, `stopped`. */
  onState(state: string, facts: Readonly<Record<string, string | number>>): void;
  /** An error after which the process continues. */
  onError(error: unknown): void;
  /** The types of observations that it logs. */
  readonly observed: readonly ObservationType[];
  onObservation(seen: Observation): void;
}

/** Levels of a JSON log. */
export const logLevels = ['trace', 'debug', 'info', 'error'] as const;

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** Options of {@link jsonLog}. */
export interface JsonLogOptions {
  readonly write: (line: string) => void;
  /** Default `worker`. */
  readonly name?: LogName;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Epoch milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}

/** The prefix of state and error lines: `worker` for `mb work`, `server` for `mb serve`. */
export type LogName = 'worker' | 'server';

/** The level of each observation. */
const observationLevels = {
  accept: 'debug',
  route: 'debug',
  connect: 'debug',
  tls: 'debug',
  attempt: 'debug',
  webhook: 'debug',
  claim: 'trace',
  settle: 'trace',
  line: 'trace',
} as const satisfies Partial<Record<ObservationType, LogLevel>>;

/**
 * Logs one JSON object per line: the events of the queue, and the states and errors of the process. Level `debug` adds
 * routes, connections, TLS results, attempts and calls of webhooks; `trace` adds claims, settlements and session lines.
 */
export async function jsonLog({
  write,
  name = 'worker',
  level = 'info',
  now = Date.now,
}: JsonLogOptions): Promise<WorkLog> {
  // Loaded here: the text log does not need it.
  const { pino } = await import('pino');
  const log = pino(
    { base: null, timestamp: false, level, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => write(printableJsonText(line)) },
  );
  return {
    onEvent: (event) => log.info(event),
    onState: (state, facts) => log.info({ type: `${name}-${state}`, at: now(), ...facts }),
    onError: (error) => log.error({ type: `${name}-error`, at: now(), ...errorFacts(error) }),
    observed: (Object.keys(observationLevels) as (keyof typeof observationLevels)[]).filter((type) =>
      log.isLevelEnabled(observationLevels[type]),
    ),
    onObservation(seen) {
      if (seen.type !== 'error') log[observationLevels[seen.type]]({ at: now(), ...observationFacts(seen) });
    },
  };
}

/** Removes transcripts from the outcomes of an attempt; the events have them. */
function observationFacts(seen: Observation): object {
  if (seen.type !== 'attempt') return seen;
  const outcomes = seen.outcomes.map(({ recipient, status }) => ({ recipient, status }));
  return { ...seen, outcomes };
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

/** Logs one line of text per event; leaves out the start of attempts, since their outcome follows. */
export function readableLog({
  write,
  name = 'worker',
  now = Date.now,
}: Omit<JsonLogOptions, 'level'>): WorkLog {
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
    observed: [],
    onObservation: () => {},
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
