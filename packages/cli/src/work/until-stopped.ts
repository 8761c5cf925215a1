import type { MailBroker } from '@mb/broker';
import { Option } from 'commander';
import { exitCodes } from '../exit-code.ts';
import { handleOutputLoss, lossMessage, notice, print } from '../output.ts';
import { wholeNumber } from '../parse-flag.ts';
import type { OpenStore } from '../queue/store.ts';
import { type EndSignal, untilSignal } from '../signals.ts';
import { jsonLog, type LogLevel, type LogName, logLevels, readableLog, type WorkLog } from './log.ts';

/** The flag `--grace` of the commands that run until they are stopped. */
export function graceOption(): Option {
  return new Option('--grace <seconds>', 'time to finish attempts and requests in progress when stopping')
    .default(30)
    .argParser(wholeNumber(0, 3600));
}

/** Options of {@link onStopRequest}. */
interface StopRequestOptions {
  /** Default: SIGINT, SIGTERM and SIGHUP. */
  readonly signals?: readonly EndSignal[] | undefined;
  /** Whether to stop when the disk of the output is full. Default true. */
  readonly endsOnFullDisk?: boolean | undefined;
}

/**
 * Calls `end` when a signal asks the command to stop or its output fails; a second signal ends the process at once.
 *
 * The exit code is not 0 after a failure of the output, so that a supervisor notices it, nor after SIGHUP.
 */
export function onStopRequest(
  end: (signal: EndSignal | undefined) => void,
  { signals, endsOnFullDisk = true }: StopRequestOptions = {},
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

/** Resolves when `end` has resolved after a signal or a failure of the log; see {@link onStopRequest}. */
export function stopOnRequest(
  end: (graceMs: number) => Promise<void>,
  graceSeconds: number,
  log: WorkLog,
  signals?: readonly EndSignal[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    onStopRequest(
      (signal) => {
        if (stopping) return;
        stopping = true;
        log.onState('stopping', { ...(signal && { signal }), graceSeconds });
        end(graceSeconds * 1000).then(resolve, reject);
      },
      // Mail must not wait because the disk of the log is full.
      { signals, endsOnFullDisk: false },
    );
  });
}

/** The flags `--json` and `--log-level` of the commands that have a log. */
export function logOptions(): Option[] {
  return [
    new Option('--json', 'log JSON lines on a terminal too'),
    new Option('--log-level <level>', 'level of a JSON log: debug adds connections, trace adds sessions')
      .choices(logLevels)
      .default('info'),
  ];
}

/** The values of {@link logOptions}. */
export interface LogFlags {
  readonly json?: true;
  readonly logLevel: LogLevel;
}

/** Makes a text log on a terminal, otherwise a JSON log. */
export async function openLog({ json, logLevel }: LogFlags, name: LogName): Promise<WorkLog> {
  return json || !process.stdout.isTTY
    ? jsonLog({ write: print, name, level: logLevel })
    : readableLog({ write: print, name });
}

/** Logs the errors of a broker, and the observations that the log wants, until the process ends. */
export function logObservations(broker: MailBroker, log: WorkLog): void {
  broker.observe((seen) => (seen.type === 'error' ? log.onError(seen.error) : log.onObservation(seen)), {
    types: ['error', ...log.observed],
  });
}

/** Logs events until `stopped` resolves, including those written until then. */
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
  // It is awaited below; until then a failure must not count as an unhandled rejection.
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
