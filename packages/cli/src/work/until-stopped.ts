import type { MailBroker } from '@mb/broker';
import { Option } from 'commander';
import { exitCodes } from '../exit-code.ts';
import { handleOutputLoss, lossMessage, notice, print } from '../output.ts';
import { wholeNumber } from '../parse-flag.ts';
import type { OpenStore } from '../queue/store.ts';
import { type EndSignal, untilSignal } from '../signals.ts';
import { jsonLog, type LogLevel, type LogName, logLevels, readableLog, type WorkLog } from './log.ts';

/** `--grace`, of the commands that run until they are stopped. */
export function graceOption(): Option {
  return new Option('--grace <seconds>', 'time for attempts and requests in progress when stopped')
    .default(30)
    .argParser(wholeNumber(0, 3600));
}

/** How {@link whenTold} is told. */
interface Tellers {
  /** Default: all that ask a process to end. */
  readonly signals?: readonly EndSignal[] | undefined;
  /** Whether a full disk for the output is a reason to end; default true. */
  readonly endsOnFullDisk?: boolean | undefined;
}

/**
 * Calls `end` when a signal asks the command to end, or its output is lost; a second signal ends the process.
 *
 * A supervisor must see a lost output: the exit code is not 0 then, nor after SIGHUP.
 */
export function whenTold(
  end: (signal: EndSignal | undefined) => void,
  { signals, endsOnFullDisk = true }: Tellers = {},
): void {
  const ignoreFirst = untilSignal((signal) => {
    if (signal === 'SIGHUP') process.exitCode = exitCodes.hungUp;
    end(signal);
  }, signals);
  handleOutputLoss((error) => {
    process.exitCode = exitCodes.outputLost;
    const goesOn = !endsOnFullDisk && error.code === 'ENOSPC';
    notice(`${lossMessage(error)} ${goesOn ? 'Continuing without it.' : 'Stopping.'}`);
    if (goesOn) return;
    ignoreFirst();
    end(undefined);
  });
}

/** Resolves when a signal came, or the log was lost, and what runs has ended; see {@link whenTold}. */
export function stopWhenTold(
  end: (graceMs: number) => Promise<void>,
  graceSeconds: number,
  log: WorkLog,
  signals?: readonly EndSignal[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    whenTold(
      (signal) => {
        if (stopping) return;
        stopping = true;
        log.onState('stopping', { ...(signal && { signal }), graceSeconds });
        end(graceSeconds * 1000).then(resolve, reject);
      },
      // A full disk for logs is no reason to keep mail waiting.
      { signals, endsOnFullDisk: false },
    );
  });
}

/** `--json` and `--log-level`, of the commands that log what they do. */
export function logOptions(): Option[] {
  return [
    new Option('--json', 'log JSON lines on a terminal too'),
    new Option('--log-level <level>', 'how much a JSON log holds: debug adds connections, trace sessions')
      .choices(logLevels)
      .default('info'),
  ];
}

/** What {@link logOptions} gives. */
export interface LogFlags {
  readonly json?: true;
  readonly logLevel: LogLevel;
}

/** Text on a terminal, JSON otherwise. */
export async function openLog({ json, logLevel }: LogFlags, name: LogName): Promise<WorkLog> {
  return json || !process.stdout.isTTY
    ? jsonLog({ write: print, name, level: logLevel })
    : readableLog({ write: print, name });
}

/** Logs the errors that a broker observes, and what else the log takes, until the process ends. */
export function logObservations(broker: MailBroker, log: WorkLog): void {
  broker.observe((seen) => (seen.type === 'error' ? log.onError(seen.error) : log.onObservation(seen)), {
    types: ['error', ...log.observed],
  });
}

/** Logs events until everything has stopped, the last ones included. */
export async function logEvents(
  store: OpenStore,
  broker: MailBroker,
  begin: string,
  stopped: Promise<void>,
  log: WorkLog,
): Promise<void> {
  const end = new AbortController();
  let cursor = begin;
  const ending = stopped.finally(() => end.abort());
  // Awaited below; until then its failure is nobody's unhandled rejection.
  ending.catch(() => {});
  for await (const event of broker.events({ after: cursor, signal: end.signal })) {
    log.onEvent(event);
    cursor = event.cursor;
  }
  await ending;
  for (;;) {
    const page = await store.events(cursor);
    if (page.events.length === 0) return;
    for (const event of page.events) log.onEvent(event);
    cursor = page.cursor;
  }
}
