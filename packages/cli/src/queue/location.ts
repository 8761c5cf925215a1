import { resolve } from 'node:path';
import { CliError } from '../errors.ts';

/**
 * The location of a queue: a SQLite file or a PostgreSQL URL. `toString` and `toJSON` leave out the password, so that
 * help, logs and errors cannot show it.
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
   * @throws {CliError} MB_CLI_USAGE; the message does not repeat the text, which may contain a password.
   */
  static parse(text: string): StoreLocation {
    // A mistyped URL must not be read as a file name, which is shown with the password in it.
    const isUrl = /^[a-z][a-z\d+.-]+:\/\//i.test(text) || /^postgres(?:ql)?:/i.test(text);
    if (!isUrl && !holdsPassword(text)) return new StoreLocation('sqlite', text, text, false);
    const url = /^postgres(?:ql)?:/i.test(text) ? URL.parse(text) : null;
    // An "@" in another part than the user may come from a mistyped password, which must not be shown.
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

  /** The connection string for `pg`, and the PostgreSQL schema if the URL names one. */
  get connection(): { readonly connectionString: string; readonly schema?: string } {
    const url = new URL(this.#address);
    const schema = url.searchParams.get('schema');
    url.searchParams.delete('schema');
    return { connectionString: url.href, ...(schema !== null && { schema }) };
  }

  /** Identifies the queue: the absolute path of a file, or the URL without its password. */
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
