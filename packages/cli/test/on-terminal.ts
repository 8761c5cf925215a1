import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const BINARY = join(import.meta.dirname, '../src/index.ts');

/**
 * Runs `mb` on a terminal by util-linux's `script`; gives all that the terminal was sent.
 *
 * @param onOutput  Called with what came so far; may type by the child's standard input.
 * @param columns  Width of the terminal.
 */
export function onTerminal(
  args: string,
  env: Readonly<Record<string, string>>,
  onOutput?: (child: ChildProcess, soFar: string) => void,
  columns = 48,
): Promise<string> {
  const command = `stty cols ${columns}; "${process.execPath}" --conditions=@mb/source "${BINARY}" ${args}`;
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(MB_|FORCE_COLOR$|NO_COLOR$)/.test(name),
  );
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...Object.fromEntries(inherited), TERM: 'xterm', ...env },
    timeout: 20_000,
    stdio: [onOutput ? 'pipe' : 'ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout!.on('data', (data) => {
    output += data;
    onOutput?.(child, output);
  });
  return new Promise((resolve) => child.on('close', () => resolve(output.replaceAll('\r\n', '\n'))));
}

/** What stays on the screen: text that the status line overwrote is gone, as are colours. */
export function screen(output: string): string {
  return output.replace(/[^\n]*\r\x1b\[K/g, '').replace(/\x1b\[[\d;]*m/g, '');
}
