import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { SeededRandom } from '@mb/testkit';

/** One logged call; see write_log.c. */
export interface LoggedCall {
  readonly operation: 'o' | 'w' | 't' | 's' | 'u' | 'c';
  readonly file: number;
  /** Of a write; the new size of a truncate; 1 for an open that made the file. */
  readonly offset: number;
  readonly data: Buffer;
}

/** Reads the log of write_log.so. */
export function readWriteLog(path: string): LoggedCall[] {
  const octets = readFileSync(path);
  const calls: LoggedCall[] = [];
  for (let at = 0; at < octets.length; ) {
    const length = Number(octets.readBigInt64LE(at + 16));
    calls.push({
      operation: String.fromCharCode(octets.readInt32LE(at)) as LoggedCall['operation'],
      file: octets.readInt32LE(at + 4),
      offset: Number(octets.readBigInt64LE(at + 8)),
      data: octets.subarray(at + 24, at + 24 + length),
    });
    at += 24 + length;
  }
  return calls;
}

/** What a disk does with writes that were not synced. */
export interface Disk {
  /** False for a disk (or a file system) that reports a sync without doing it. */
  readonly obeysSync: boolean;
}

/** A file as the process saw it, and what of it is certain to be on the disk. */
interface Inode {
  readonly pending: LoggedCall[];
  readonly content: GrowingFile;
}

const sectorBytes = 512;

/**
 * Writes into a folder what a disk may hold when the power goes off after the first `count` calls.
 *
 * What was synced is there. Of the other writes any may be missing, and each may be torn between two sectors of 512
 * octets; truncations are such writes too. New names and deletions become certain with the next sync of the folder or,
 * as on ext4, XFS and Btrfs, of the new file; of the others the first few have happened, in order.
 */
export function writeCrashImage(
  calls: readonly LoggedCall[],
  count: number,
  folder: string,
  disk: Disk,
  random: SeededRandom,
): void {
  const names = new Map<string, Inode>();
  let changes: { readonly name: string; readonly inode: Inode | undefined }[] = [];
  const certain = new Map<string, Inode>();
  /** By descriptor; undefined for the folder itself. */
  const open = new Map<number, Inode | undefined>();
  const settleNames = (upTo: number) => {
    for (const { name, inode } of changes.slice(0, upTo)) {
      if (inode === undefined) certain.delete(name);
      else certain.set(name, inode);
    }
    changes = changes.slice(upTo);
  };
  for (const call of calls.slice(0, count)) {
    const { operation, file, data } = call;
    if (operation === 'o') {
      const name = basename(data.toString());
      let inode = names.get(name);
      if (call.offset === 1) {
        inode = { pending: [], content: new GrowingFile() };
        names.set(name, inode);
        changes.push({ name, inode });
      }
      open.set(file, inode);
    } else if (operation === 'u') {
      const name = basename(data.toString());
      names.delete(name);
      changes.push({ name, inode: undefined });
    } else if (operation === 'c') open.delete(file);
    else if (operation === 's') {
      if (!disk.obeysSync) continue;
      const inode = open.get(file);
      if (inode === undefined) settleNames(changes.length);
      else {
        for (const write of inode.pending.splice(0)) inode.content.apply(write);
        settleNames(changes.findLastIndex((change) => change.inode === inode) + 1);
      }
    } else open.get(file)?.pending.push(call);
  }
  settleNames(random.integer(0, changes.length));
  // All disks do not lose as much: here and there nearly everything was written, or nearly nothing.
  const share = random.pick([0, 0.1, 0.5, 0.9, 1]);
  for (const [name, inode] of certain) {
    // SQLite rebuilds this one, which holds locks and an index.
    if (name.endsWith('-shm') || name === 'marks') continue;
    for (const write of inode.pending) {
      for (const part of tear(write, random)) if (random.random() < share) inode.content.apply(part);
    }
    writeFileSync(join(folder, name), inode.content.octets, { mode: 0o600 });
  }
}

/** The content of a file as the process saw it after the first `count` calls. */
export function contentAt(calls: readonly LoggedCall[], count: number, name: string): Buffer {
  const content = new GrowingFile();
  const open = new Set<number>();
  for (const call of calls.slice(0, count)) {
    if (call.operation === 'o' && basename(call.data.toString()) === name) open.add(call.file);
    else if (call.operation === 'o' || call.operation === 'c') open.delete(call.file);
    else if (open.has(call.file)) content.apply(call);
  }
  return content.octets;
}

/** One of four writes arrives in two parts, cut between sectors. */
function tear(write: LoggedCall, { integer }: SeededRandom): LoggedCall[] {
  const { offset, data } = write;
  const first = sectorBytes - (offset % sectorBytes);
  if (write.operation !== 'w' || data.length <= first || integer(1, 4) > 1) return [write];
  const at = first + sectorBytes * integer(0, Math.floor((data.length - first - 1) / sectorBytes));
  return [
    { ...write, data: data.subarray(0, at) },
    { ...write, offset: offset + at, data: data.subarray(at) },
  ];
}

/** The octets of a file that grows by many small writes. */
class GrowingFile {
  #buffer = Buffer.alloc(65_536);
  #length = 0;

  get octets(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  apply({ operation, offset, data }: LoggedCall): void {
    if (operation === 'w') {
      this.#resize(Math.max(this.#length, offset + data.length));
      data.copy(this.#buffer, offset);
    } else if (operation === 't') this.#resize(offset);
  }

  /** New octets, and those that were cut off and come back, are zero. */
  #resize(length: number): void {
    if (length < this.#length) this.#buffer.fill(0, length, this.#length);
    if (length > this.#buffer.length) {
      const larger = Buffer.alloc(length * 2);
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#length = length;
  }
}
