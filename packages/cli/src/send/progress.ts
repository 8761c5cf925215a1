import type { SessionLine } from '@mb/broker';
import { colors as pc } from '../colors.ts';
import { notice, showsProgress } from '../output.ts';
import { plural } from '../plural.ts';
import { printable, terminalWidth } from '../terminal.ts';

/** Shows what is going on while hosts are slow. */
export interface Progress {
  onLine(line: SessionLine): void;
  /** Removes what should not stay. */
  end(): void;
}

/** Every line of every session as it happens, on standard error. */
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

/** One line that tells the time and the latest event; only for a terminal. */
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

/** Nothing at all. */
export const silent: Progress = { onLine: () => {}, end: () => {} };
