import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliError } from '../errors.ts';
import { onSignals } from '../signals.ts';

const CUT = '# ------------------------ >8 ------------------------';
const HELP = `
${CUT}
# Write the message above this line. This line and everything below it are removed.
# An empty or unchanged message is not sent.`;

/** A message body written in an editor, in a file that only its owner can read. */
export class Draft {
  readonly text: string;
  /** A file with the text alone, for --text-file. */
  readonly path: string;

  private constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
  }

  /**
   * Runs `$VISUAL`, else `$EDITOR`, else `vi`, and waits until it ends.
   *
   * @param before  The initial text.
   * @param facts  Lines to show below the text.
   * @throws {CliError} MB_CLI_EDITOR when the editor fails, or the text is empty or unchanged.
   */
  static async write(before: string, facts: readonly string[]): Promise<Draft> {
    const path = join(await mkdtemp(join(tmpdir(), 'mb-')), 'message.txt');
    const shown = facts.map((fact) => `# ${fact.replaceAll(/\s+/g, ' ')}\n`).join('');
    await writeFile(path, `${before}\n${HELP}\n#\n${shown}`, { mode: 0o600, flag: 'wx' });
    const failure = await edit(path).catch((cause: unknown) => `cannot be run: ${(cause as Error).message}`);
    const text = withoutHelp(await readFile(path, 'utf8').catch(() => ''));
    const unchanged = text.trim() === '' || text.trimEnd() === before.trimEnd();
    if (unchanged) await rm(dirname(path), { recursive: true, force: true });
    if (failure !== undefined) {
      const kept = unchanged ? '' : ` What you wrote is in ${path}.`;
      throw new CliError('MB_CLI_EDITOR', `The editor ${failure}. Nothing was sent.${kept}`);
    }
    if (unchanged) {
      const what = text.trim() === '' ? 'empty' : 'unchanged';
      throw new CliError('MB_CLI_EDITOR', `The message was left ${what}, so nothing was sent.`);
    }
    await writeFile(path, text);
    return new Draft(path, text);
  }

  /** Deletes the text after it was sent. */
  async discard(): Promise<void> {
    await rm(dirname(this.path), { recursive: true, force: true });
  }
}

/** The editor in VISUAL or EDITOR; undefined when neither is set. */
export function editorFromEnvironment(): string | undefined {
  return process.env.VISUAL || process.env.EDITOR || undefined;
}

/** Runs the editor. Resolves with what went wrong; undefined when the editor succeeded. */
async function edit(path: string): Promise<string | undefined> {
  const windows = process.platform === 'win32';
  const editor = editorFromEnvironment() ?? (windows ? 'notepad' : 'vi');
  // The variable may have arguments, as in "code --wait". The path is passed as "$@", so that the shell does not parse
  // it.
  const child = windows
    ? spawn(editor, [`"${path}"`], { stdio: 'inherit', shell: true })
    : spawn('/bin/sh', ['-c', `${editor} "$@"`, editor, path], { stdio: 'inherit' });
  // The editor handles Ctrl-C.
  const endIgnoring = onSignals(['SIGINT'], () => {});
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (code === 0) resolve(undefined);
        else if (code === 127 || code === 126) resolve(`"${editor}" cannot be run; set VISUAL or EDITOR`);
        else resolve(`"${editor}" ended with ${signal ?? code}`);
      });
    });
  } finally {
    endIgnoring();
  }
}

function withoutHelp(content: string): string {
  const text = content.replaceAll('\r\n', '\n');
  const cut = text.search(/^# -+ >8 -+$/m);
  const written = cut === -1 ? text : text.slice(0, cut);
  return written.trim() === '' ? '' : `${written.trimEnd()}\n`;
}
