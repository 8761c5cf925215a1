import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { CliError } from '../errors.ts';
import { unreadable } from '../send/file.ts';

/** A row of a file of recipients. */
export interface CsvRow {
  /** The number that spreadsheets show: 1 is the header. */
  readonly row: number;
  readonly values: readonly string[];
}

const DELIMITERS = [',', ';', '\t'] as const;
/** Maximum size of the header row. */
const HEAD_BYTES = 64 * 1024;
/** Maximum length of a row; a longer one has a quote that is never closed. */
const MAX_ROW_CHARACTERS = 4 * 1024 * 1024;

/**
 * A CSV file (RFC 4180) whose first row names the columns. It is read as a stream, several times, and never held in
 * memory. The delimiter is a comma, semicolon or tab, detected from the header.
 */
export class RecipientsFile {
  readonly path: string;
  /** Names of the columns, as in the header. */
  readonly columns: readonly string[];
  readonly #delimiter: string;
  #digest: string | undefined;

  private constructor(path: string, columns: readonly string[], delimiter: string) {
    this.path = path;
    this.columns = columns;
    this.#delimiter = delimiter;
  }

  /** @throws {CliError} MB_CLI_FILE, MB_CLI_RECIPIENTS */
  static async open(path: string): Promise<RecipientsFile> {
    const delimiter = findDelimiter(await readHead(path));
    for await (const { row, values } of new RecipientsFile(path, [], delimiter).#records()) {
      if (row === 1) return new RecipientsFile(path, checkedColumns(path, values), delimiter);
    }
    throw wrong(path, 'it is empty; its first row must name the columns');
  }

  /**
   * SHA-256 of the file in hexadecimal; undefined until `rows` has read it to its end.
   *
   * @see RecipientsFile.rows
   */
  get digest(): string | undefined {
    return this.#digest;
  }

  /** The rows after the header, without empty ones. @throws {CliError} MB_CLI_RECIPIENTS */
  async *rows(): AsyncGenerator<CsvRow> {
    for await (const record of this.#records()) {
      if (record.row > 1 && record.values.some((value) => value !== '')) yield record;
    }
  }

  async *#records(): AsyncGenerator<CsvRow> {
    const hash = createHash('sha256');
    const parser = parse({
      delimiter: this.#delimiter,
      max_record_size: MAX_ROW_CHARACTERS,
      // The number of values is checked in MergedMessage, together with the other problems of a row.
      relax_column_count: true,
    });
    const decode = async function* (chunks: AsyncIterable<Buffer>) {
      const decoder = new TextDecoder('utf-8', { fatal: true });
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield decoder.decode(chunk, { stream: true });
      }
      yield decoder.decode();
    };
    // An error in any stage ends the parser, and with it the loop below.
    pipeline(createReadStream(this.path), decode, parser, () => {});
    let row = 0;
    try {
      for await (const values of parser as AsyncIterable<readonly string[]>) yield { row: ++row, values };
    } catch (cause) {
      throw readError(this.path, row + 1, cause);
    }
    this.#digest = hash.digest('hex');
  }
}

async function readHead(path: string): Promise<string> {
  if (path === '-') {
    const message =
      '--to-file is read several times, so it cannot be standard input; give the name of a file.';
    throw new CliError('MB_CLI_USAGE', message);
  }
  try {
    await using handle = await open(path);
    if (!(await handle.stat()).isFile()) throw new Error('it is not a file that can be read several times');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (cause) {
    throw unreadable('--to-file', path, cause);
  }
}

/** The delimiter that occurs most often in the header outside of quotes. */
function findDelimiter(head: string): string {
  const [line = ''] = head.replaceAll(/"[^"]*"/g, '').split(/\r?\n|\r/, 1);
  const count = (delimiter: string) => line.split(delimiter).length;
  return [...DELIMITERS].sort((one, other) => count(other) - count(one))[0]!;
}

function checkedColumns(path: string, header: readonly string[]): string[] {
  const columns = header.map((name) => name.trim());
  const known = columns.map((name) => name.toLowerCase());
  const twice = columns.find((name, index) => name !== '' && known.indexOf(name.toLowerCase()) !== index);
  if (twice !== undefined) throw wrong(path, `two columns are called "${twice}"; rename one`);
  return columns;
}

function readError(path: string, row: number, cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return wrong(path, `row ${row} or soon after it is not UTF-8; save it as "CSV UTF-8"`, cause);
  }
  if (cause instanceof CsvError) return wrong(path, `it is not CSV: ${message.replace(/\.$/, '')}`, cause);
  return unreadable('--to-file', path, cause);
}

function wrong(path: string, what: string, cause?: unknown): CliError {
  return new CliError('MB_CLI_RECIPIENTS', `${path}: ${what}.`, { cause });
}
