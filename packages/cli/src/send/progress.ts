import type { SessionLine } from '@mb/broker';
import { colors as pc } from '../colors.ts';
import { notice, showsProgress } from '../output.ts';
import { plural } from '../plural.ts';
import { printable, terminalWidth } from '../terminal.ts';

/** Shows the progress of `mb send`. */
export interface Progress {
  onLine(line: SessionLine): void;
  /** Removes the progress from the terminal. */
  end(): void;
}

/** Prints every line of every session to standard error as it happens. */
export function watchSessions(startedAt: number): Progress {
  return {
    onLine({ at, direction, host, text }) {
      const sign = { client: pc.cyan('→'), server: pc.green('←'), note: pc.dim('·') }[direction];
      notice(
        `${pc.dim(`${String(at - startedAt).padStart(6)} ms ${printable(host)}`)} ${sign} ${printable(text)}`,
      );
    },
    end: () => {},
  };
}

/** Shows one line with the elapsed time and the latest event, on a terminal. */
export function statusLine(recipients: number, startedAt: number): Progress {
  let latest = 'looking up mail hosts';
  const draw = () => {
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    const text = `… ${plural(recipients, 'recipient')}, ${seconds} s: ${latest}`;
    process.stderr.write(`\r\x1b[K${pc.dim(text.slice(0, terminalWidth(process.stderr) - 1))}`);
  };
  showsProgress(true);
  draw();
  const timer = setInterval(draw, 250);
  return {
    onLine({ host, text }) {
      latest = printable(`${host}: ${text}`);
    },
    end() {
      clearInterval(timer);
      showsProgress(false);
      process.stderr.write('\r\x1b[K');
    },
  };
}

/** Shows nothing. */
export const silent: Progress = { onLine: () => {}, end: () => {} };
