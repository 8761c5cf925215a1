import { SingleBar } from 'cli-progress';
import { notice, showsProgress } from '../output.ts';
import type { countByStatus } from '../send/receipt.ts';
import { terminalWidth, wrap } from '../terminal.ts';
import type { RowStatus } from './row-states.ts';

/** Shows the progress of a run. */
export interface MergeProgress {
  /** Counts a row with its result. */
  add(status: RowStatus): void;
  /** Prints a line above the progress. */
  note(text: string): void;
  end(): void;
}

const PLAIN_MS = 10_000;

/** Shows progress on standard error: on a terminal a bar with rate and estimate, elsewhere a line every ten seconds. */
export function showProgress(total: number): MergeProgress {
  const startedAt = Date.now();
  const counts: Record<string, number> = {};
  const { stderr } = process;
  const bar = new SingleBar({
    stream: withoutCursorMemory(stderr),
    noTTYOutput: true,
    notTTYSchedule: PLAIN_MS,
    clearOnComplete: true,
    format: (_options, { value }) => {
      const facts = { value, total, counts, elapsedMs: Date.now() - startedAt };
      return formatProgress(facts, stderr.isTTY ? terminalWidth(stderr) : undefined);
    },
  });
  showsProgress(true);
  let value = 0;
  // In a pipe the first line comes after ten seconds, since it has nothing to say before.
  const later = stderr.isTTY ? undefined : setTimeout(() => bar.start(total, value), PLAIN_MS);
  if (later === undefined) bar.start(total, 0);
  return {
    add(status) {
      value += 1;
      counts[status] = (counts[status] ?? 0) + 1;
      bar.update(value);
    },
    note(text) {
      notice(wrap(text, '', terminalWidth(stderr)));
    },
    end() {
      clearTimeout(later);
      showsProgress(false);
      bar.stop();
    },
  };
}

/** Drops the sequences that save and restore the cursor: after a notice the saved position would be wrong. */
function withoutCursorMemory(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const write = (text: string) => text === '\x1b7' || text === '\x1b8' || stream.write(text);
  return Object.create(stream, { write: { value: write } }) as NodeJS.WriteStream;
}

/** Shows nothing. */
export const noProgress: MergeProgress = { add: () => {}, note: () => {}, end: () => {} };

/** The progress of a run. */
export interface ProgressFacts {
  readonly value: number;
  readonly total: number;
  readonly counts: ReturnType<typeof countByStatus>;
  readonly elapsedMs: number;
}

/**
 * One line, such as `███░░░  41 %  410 of 1000  35/s  17 s left  3 failed`; the last parts are left out if they do not fit.
 *
 * @param width  Columns of the terminal; undefined leaves out the bar.
 */
export function formatProgress({ value, total, counts, elapsedMs }: ProgressFacts, width?: number): string {
  const perSecond = elapsedMs > 0 ? (value * 1000) / elapsedMs : 0;
  const troubles = (['deferred', 'failed', 'unknown', 'skipped'] as const)
    .filter((status) => counts[status])
    .map((status) => `${counts[status]} ${status}`);
  const parts = [
    `${total === 0 ? 100 : Math.floor((value / total) * 100)} %`,
    `${value} of ${total}`,
    `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`,
    // Estimated from the average rate so far.
    ...(perSecond > 0 ? [`${formatSeconds((total - value) / perSecond)} left`] : []),
    ...troubles,
  ];
  if (width === undefined) return parts.join(', ');
  let line = '';
  for (const part of parts)
    if (line.length + part.length + 2 < width) line += line === '' ? part : `  ${part}`;
  const room = Math.min(30, width - line.length - 3);
  if (room < 5) return line;
  const done = total === 0 ? room : Math.floor((value / total) * room);
  return `${'█'.repeat(done)}${'░'.repeat(room - done)}  ${line}`;
}

function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
