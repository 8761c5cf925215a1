import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const BINARY = join(import.meta.dirname, '../src/index.ts');

/**
 * Runs `mb` on a terminal with `script` of util-linux; resolves with all output to the terminal.
 *
 * @param onOutput  Called with the output so far; may type on the child's standard input.
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

/** The text that stays on the screen: without colours and overwritten status lines. */
export function screen(output: string): string {
  return output.replace(/[^\n]*\r\x1b\[K/g, '').replace(/\x1b\[[\d;]*m/g, '');
}
