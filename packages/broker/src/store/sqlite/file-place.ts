import { closeSync, lstatSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BrokerError } from '../../errors.ts';

/** What identifies a file in the system, whatever its name. */
interface Identity {
  readonly device: bigint;
  readonly inode: bigint;
}

const othersMayWrite = 0o002n;
const sticky = 0o1000n;

/**
 * The path of a queue file. The file is created for this user alone, and checked before mail is accepted: a file that
 * is deleted or replaced while it is open still takes writes, which are lost.
 */
export class FilePlace {
  readonly #path: string;
  #file: Identity | undefined;
  #log: Identity | undefined;

  /** @param path  As given to SQLite; nothing is checked for a queue in memory. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Checks the path and, with `create`, creates a missing file with mode 0600; SQLite creates the files beside it with
   * the same mode.
   *
   * @throws {BrokerError} MB_BROKER_STORE_FAILED when the folder does not exist, or the path is not a file;
   *   MB_BROKER_STORE_UNSAFE for a symbolic link, for a file or folder that every user may write to, and for a file of
   *   another user in a shared folder.
   */
  prepare(create: boolean): void {
    if (!this.#onDisk) return;
    refuseOtherKinds(this.#path);
    if (process.platform !== 'win32') refuseUnsafe(this.#path);
    if (!create) return;
    try {
      // Exclusive: a link that was created meanwhile is not followed.
      closeSync(openSync(this.#path, 'wx', 0o600));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }

  /** Remembers the files that are open now. */
  remember(): void {
    if (!this.#onDisk) return;
    this.#file = identityOf(this.#path);
    this.#log = identityOf(`${this.#path}-wal`);
  }

  /** @throws {BrokerError} MB_BROKER_STORE_MOVED when the path no longer leads to the open file. */
  check(): void {
    if (!this.#onDisk || !this.#file) return;
    if (isSame(identityOf(this.#path), this.#file)) {
      if (!this.#log || isSame(identityOf(`${this.#path}-wal`), this.#log)) return;
    }
    throw new BrokerError(
      'MB_BROKER_STORE_MOVED',
      'internal',
      'The queue file was deleted, moved or replaced while it was open. Nothing was accepted; put it back, and open the store again.',
    );
  }

  get #onDisk(): boolean {
    return this.#path !== '' && this.#path !== ':memory:';
  }
}

/** Refuses a missing folder and anything but a file, which SQLite would report as an error of the disk. */
function refuseOtherKinds(path: string): void {
  const folder = dirname(resolve(path));
  const place = statSync(folder, { throwIfNoEntry: false });
  if (!place?.isDirectory()) throw wrongPlace(`There is no folder ${folder} for the queue file.`);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || found.isFile() || found.isSymbolicLink()) return;
  const kind = found.isDirectory() ? 'a folder; give the path of a file in it' : 'not a file';
  throw wrongPlace(`The queue file ${path} is ${kind}.`);
}

function wrongPlace(what: string): BrokerError {
  return new BrokerError('MB_BROKER_STORE_FAILED', 'internal', what);
}

function refuseUnsafe(path: string): void {
  const folder = dirname(resolve(path));
  const place = statSync(folder, { bigint: true });
  const file = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (file?.isSymbolicLink()) {
    throw unsafe('is a symbolic link; give the path of the file itself');
  }
  if (file && (file.mode & othersMayWrite) !== 0n) {
    throw unsafe('may be written by every user; run: chmod o-w on it');
  }
  if ((place.mode & othersMayWrite) === 0n) return;
  if ((place.mode & sticky) === 0n) {
    throw unsafe(`is in a folder that every user may write to; run: chmod o-w on ${folder}`);
  }
  const me = process.getuid?.();
  if (file && me !== undefined && file.uid !== BigInt(me) && file.uid !== 0n) {
    throw unsafe('belongs to another user and is in a folder that every user may write to');
  }
}

function identityOf(path: string): Identity | undefined {
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false });
  return facts && { device: facts.dev, inode: facts.ino };
}

function isSame(found: Identity | undefined, known: Identity): boolean {
  return found !== undefined && found.device === known.device && found.inode === known.inode;
}

function unsafe(why: string): BrokerError {
  return new BrokerError(
    'MB_BROKER_STORE_UNSAFE',
    'api-misuse',
    `The queue file ${why}: others could read the mail in it or replace it.`,
  );
}
