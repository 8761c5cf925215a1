import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { CliError } from '../errors.ts';
import { jsonLine } from '../output.ts';
import { openPrivateFile } from '../private-file.ts';
import { isProcessRunning } from '../running-process.ts';
import { RowStates, type RowStatus, rowStatuses } from './row-states.ts';

/** The result of a row: a line of the results file and of the output of --json. */
export interface RowResult {
  readonly row: number;
  readonly address: string;
  readonly status: RowStatus;
  /** ISO 8601. */
  readonly at: string;
  readonly messageId?: string;
  /** Name of the mail exchanger. */
  readonly host?: string;
  /** Its reply, in one line. */
  readonly reply?: string;
  readonly category?: string;
  /** RFC 3463. */
  readonly enhanced?: string;
  readonly reason?: string;
  /** The id of the message in the queue. */
  readonly queueId?: string;
}

/** What a run sends, and where. */
export interface RunFacts {
  /** SHA-256 of the file of recipients. */
  readonly recipients: string;
  /** SHA-256 of the message with its placeholders. */
  readonly message: string;
  /** `send`, `dev`, or `queue` with its location. */
  readonly target: string;
}

/** The line with which a run begins. */
export interface RunLine extends RunFacts {
  readonly format: 'mb-results-1';
  /** The same for all runs of one results file. */
  readonly runId: string;
  /** ISO 8601. */
  readonly at: string;
}

/**
 * Results beside a file of recipients, one JSON object per line. `append()` resolves when the line is on the disk; lines
 * that are ready at the same time share one write and one sync. One process at a time may have the file open.
 */
export class ResultsFile {
  readonly path: string;
  readonly states: RowStates;
  /** How the last run began; undefined in a new file. */
  readonly lastRun: RunLine | undefined;
  readonly #handle: FileHandle;
  #empty: boolean;
  #lines: string[] = [];
  #written: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  private constructor(path: string, handle: FileHandle, { states, lastRun, bytes }: Contents) {
    this.path = path;
    this.#handle = handle;
    this.states = states;
    this.lastRun = lastRun;
    this.#empty = bytes === 0;
  }

  /**
   * Opens the results for this process alone, and removes a last line that a crash has cut short.
   *
   * @throws {CliError} MB_CLI_RESULTS
   */
  static async open(path: string): Promise<ResultsFile> {
    await lock(path);
    try {
      const handle = await openPrivateFile(path);
      const contents = await readContents(path, handle);
      await handle.truncate(contents.bytes);
      return new ResultsFile(path, handle, contents);
    } catch (cause) {
      await unlock(path);
      if (CliError.isInstance(cause)) throw cause;
      throw new CliError('MB_CLI_RESULTS', `${path} cannot be written: ${(cause as Error).message}.`, {
        cause,
      });
    }
  }

  /**
   * Reads results without opening them for writing; a missing file counts as empty.
   *
   * @throws {CliError} MB_CLI_RESULTS
   */
  static async read(path: string): Promise<Contents> {
    const handle = await open(path).catch(() => undefined);
    if (!handle) return { states: new RowStates(), lastRun: undefined, bytes: 0 };
    try {
      return await readContents(path, handle);
    } finally {
      await handle.close();
    }
  }

  /** Writes the first line of a run, and returns the id of the run. */
  begin(run: RunFacts): Promise<string> {
    const runId = this.lastRun?.runId ?? randomUUID();
    if (this.lastRun?.target !== run.target) this.states.leaveQueue();
    const line: RunLine = { format: 'mb-results-1', runId, at: new Date().toISOString(), ...run };
    return this.#append(line).then(() => runId);
  }

  /** Resolves when the result is on the disk. After one failure, all later calls fail too. */
  append(result: RowResult): Promise<void> {
    return this.#append(result);
  }

  async close(): Promise<void> {
    await this.#next?.catch(() => {});
    await this.#handle.close();
    // A run that was refused leaves no file.
    if (this.#empty) await rm(this.path, { force: true });
    await unlock(this.path);
  }

  #append(line: object): Promise<void> {
    this.#empty = false;
    this.#lines.push(jsonLine(line));
    this.#next ??= this.#written = this.#written.then(() => this.#write());
    return this.#next;
  }

  async #write(): Promise<void> {
    const text = this.#lines.join('');
    this.#lines = [];
    this.#next = undefined;
    await this.#handle.appendFile(text);
    await this.#handle.datasync();
  }
}

/** The content of a results file. */
export interface Contents {
  readonly states: RowStates;
  readonly lastRun: RunLine | undefined;
  /** Octets up to the end of the last whole line. */
  readonly bytes: number;
}

async function readContents(path: string, handle: FileHandle): Promise<Contents> {
  const states = new RowStates();
  let lastRun: RunLine | undefined;
  const bytes = await wholeLines(handle);
  if (bytes === 0) return { states, lastRun, bytes };
  const input = handle.createReadStream({ start: 0, end: bytes - 1, autoClose: false });
  let number = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    const line = parseLine(text);
    if (line && 'runId' in line) {
      if (lastRun && lastRun.target !== line.target) states.leaveQueue();
      lastRun = line;
    } else if (line && lastRun) states.set(line.row, line.status, line.address);
    else
      throw new CliError(
        'MB_CLI_RESULTS',
        `${path}: line ${number} is not a result of mb; name another file with --results.`,
      );
  }
  return { states, lastRun, bytes };
}

function parseLine(text: string): RunLine | RowResult | undefined {
  try {
    const line = JSON.parse(text) as Partial<RunLine & RowResult>;
    if (line.format === 'mb-results-1' && line.runId) return line as RunLine;
    const known = rowStatuses.includes(line.status!) && typeof line.address === 'string';
    return known && Number.isSafeInteger(line.row) && line.row! > 0 && line.row! < 2 ** 31
      ? (line as RowResult)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The number of octets up to and including the last line feed. */
async function wholeLines(handle: FileHandle): Promise<number> {
  const block = Buffer.alloc(64 * 1024);
  let end = (await handle.stat()).size;
  while (end > 0) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (at !== -1) return start + at + 1;
    end = start;
  }
  return 0;
}

/** Takes the lock file, since two runs on one file would send every message twice. */
async function lock(path: string): Promise<void> {
  const name = `${path}.lock`;
  try {
    await writeFile(name, String(process.pid), { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new CliError('MB_CLI_RESULTS', `${path} cannot be written: ${(cause as Error).message}.`, {
        cause,
      });
    }
    const owner = Number(await readFile(name, 'utf8').catch(() => ''));
    // In containers a killed process may have had the same process id as this one.
    if (owner > 0 && owner !== process.pid && isProcessRunning(owner)) {
      const message = `Process ${owner} is sending with ${path} now; wait for it, or name another file with --results. If that process is not mb, delete ${name}.`;
      throw new CliError('MB_CLI_RESULTS', message, { cause });
    }
    // Its owner was killed.
    await rm(name, { force: true });
    await lock(path);
  }
}

function unlock(path: string): Promise<void> {
  return rm(`${path}.lock`, { force: true });
}
