import { resolve } from 'node:path';
import { CliError } from '../errors.ts';

/**
 * Where a queue is kept: in a SQLite file, or in PostgreSQL. Its text and JSON have no password, so that help, logs
 * and errors cannot show one.
 */
export class StoreLocation {
  readonly kind: 'sqlite' | 'postgres';
  /** Whether the URL has a password. */
  readonly hasPassword: boolean;
  readonly #address: string;
  readonly #shown: string;

  private constructor(kind: 'sqlite' | 'postgres', address: string, shown: string, hasPassword: boolean) {
    this.kind = kind;
    this.#address = address;
    this.#shown = shown;
    this.hasPassword = hasPassword;
  }

  /**
   * @param text  A path, or a URL `postgres://user@host:port/database?schema=mb`.
   * @throws {CliError} MB_CLI_USAGE, which does not repeat the text.
   */
  static parse(text: string): StoreLocation {
    // A URL with a slip would be the name of a file, and be shown with its password.
    const isUrl = /^[a-z][a-z\d+.-]+:\/\//i.test(text) || /^postgres(?:ql)?:/i.test(text);
    if (!isUrl && !holdsPassword(text)) return new StoreLocation('sqlite', text, text, false);
    const url = /^postgres(?:ql)?:/i.test(text) ? URL.parse(text) : null;
    // What is shown must not hold an "@" but that of the user: it may be that of a password with a slip.
    const schema = url?.searchParams.get('schema') ?? null;
    if (url === null || `${url.username}${url.host}${url.pathname}${schema}`.includes('@')) {
      const message =
        '--store must be a file such as queue.db, or a URL such as postgres://mail@db.example.com/mail.';
      throw new CliError('MB_CLI_USAGE', message);
    }
    const hasPassword = url.password !== '' || url.searchParams.has('password');
    const user = url.username === '' ? '' : `${url.username}@`;
    const shown = `postgres://${user}${url.host}${url.pathname}${schema === null ? '' : `?schema=${schema}`}`;
    return new StoreLocation('postgres', text, shown, hasPassword);
  }

  /** The path of the file. */
  get path(): string {
    return this.#address;
  }

  /** What `pg` connects to, and the PostgreSQL schema where the URL names one. */
  get connection(): { readonly connectionString: string; readonly schema?: string } {
    const url = new URL(this.#address);
    const schema = url.searchParams.get('schema');
    url.searchParams.delete('schema');
    return { connectionString: url.href, ...(schema !== null && { schema }) };
  }

  /** The same for every way to name one place: `queue.db` in two folders differs. */
  get identity(): string {
    return this.kind === 'sqlite' ? resolve(this.#address) : this.#shown;
  }

  toString(): string {
    return this.#shown;
  }

  toJSON(): string {
    return this.#shown;
  }
}

/** Whether a part between slashes has a colon and an "@" after it, as in `user:password@host`. */
function holdsPassword(text: string): boolean {
  return text.split('/').some((part) => part.includes(':') && part.lastIndexOf('@') > part.indexOf(':'));
}
