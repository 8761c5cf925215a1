import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewMessage } from '../port.ts';
import { SqliteStore } from './sqlite-store.ts';

let folder: string;
let path: string;
let opened: SqliteStore[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mb-place-'));
  path = join(folder, 'queue.db');
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.close().catch(() => {});
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

async function openStore(options: ConstructorParameters<typeof SqliteStore>[1] = {}): Promise<SqliteStore> {
  const store = new SqliteStore(path, options);
  opened.push(store);
  await store.open();
  return store;
}

const draft = (more: Partial<NewMessage> = {}): NewMessage => ({
  sender: 'ann@example.com',
  recipients: [{ address: 'bob@example.org', domain: 'example.org' }],
  content: Buffer.from('Subject: x\r\n\r\nHi\r\n'),
  ...more,
});

const files = ['', '-wal', '-shm'];
const vanish: Readonly<Record<string, () => void>> = {
  'deleted with its log': () => {
    for (const end of files) rmSync(path + end, { force: true });
  },
  deleted: () => rmSync(path),
  'moved away': () => renameSync(path, `${path}.old`),
  'replaced by a copy': () => {
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
  },
  'left without its log': () => rmSync(`${path}-wal`),
};

describe('SAFE-10 a queue file that is no longer in its place takes no mail', () => {
  for (const [name, act] of Object.entries(vanish)) {
    it(name, async () => {
      const store = await openStore();
      await store.accept(draft());
      act();
      for (let i = 0; i < 3; i++) {
        await expect(store.accept(draft())).rejects.toMatchObject({
          code: 'MB_BROKER_STORE_MOVED',
          kind: 'internal',
        });
      }
      // What the file held can still be worked on.
      expect((await store.list({})).rows).toHaveLength(1);
    });
  }

  it('accepts mail after a checkpoint of another process', async () => {
    const store = await openStore();
    await store.accept(draft());
    const other = new DatabaseSync(path);
    other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    other.close();
    await store.accept(draft());
    expect((await store.list({})).rows).toHaveLength(2);
  });
});

describe.skipIf(process.platform === 'win32')(
  'SAFE-11 SAFE-82 SAFE-81 a queue file is for its user alone',
  () => {
    it('is made with mode 0600, as are the files beside it, whatever the umask', async () => {
      const before = process.umask(0);
      try {
        const store = await openStore();
        await store.accept(draft());
        const modes = readdirSync(folder).map((file) => statSync(join(folder, file)).mode & 0o777);
        expect(modes).toEqual([0o600, 0o600, 0o600]);
      } finally {
        process.umask(before);
      }
    });

    it('is not opened through a symbolic link, dangling or not', async () => {
      const target = join(folder, 'target.db');
      symlinkSync(target, path);
      await expect(openStore()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_UNSAFE' });
      writeFileSync(target, '');
      await expect(openStore()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_UNSAFE' });
      expect(statSync(target).size).toBe(0);
    });

    it('is not opened in a folder, or as a file, that every user may write to', async () => {
      chmodSync(folder, 0o777);
      await expect(openStore()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_UNSAFE' });
      chmodSync(folder, 0o1777);
      await openStore();
      chmodSync(path, 0o666);
      await expect(openStore()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_UNSAFE' });
    });
  },
);

describe('SAFE-12 what is wrong with the disk is a typed error', () => {
  it('a missing folder, a folder as the file, a file of another format', async () => {
    for (const [place, says] of [
      [join(folder, 'none', 'queue.db'), `There is no folder ${join(folder, 'none')} for the queue file.`],
      [folder, `The queue file ${folder} is a folder; give the path of a file in it.`],
    ] as const) {
      path = place;
      await expect(openStore()).rejects.toMatchObject({
        code: 'MB_BROKER_STORE_FAILED',
        kind: 'internal',
        message: says,
      });
    }
    path = join(folder, 'text.db');
    writeFileSync(path, 'This is a text and no database. '.repeat(200), { mode: 0o600 });
    await expect(openStore()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_FAILED', retryable: false });
  });

  it('a full disk, which loses nothing and may be repeated', async () => {
    const store = await openStore();
    const { messageId } = await store.accept(draft());
    const other = new DatabaseSync(path);
    const { page_count: pages } = other.prepare('PRAGMA page_count').get() as { page_count: number };
    other.close();
    // SQLite's own bound gives the same result code as a disk without room (SQLITE_FULL).
    await limitPages(store, pages + 2);
    const large = draft({ content: Buffer.alloc(200_000, 0x61) });
    await expect(store.accept(large)).rejects.toMatchObject({
      code: 'MB_BROKER_STORE_FAILED',
      retryable: true,
      message: expect.stringContaining('disk is full'),
    });
    async function* chunks() {
      yield Buffer.alloc(300_000, 0x61);
    }
    await expect(store.stage(chunks())).rejects.toMatchObject({ retryable: true });
    expect((await store.inspect(messageId))?.recipients).toHaveLength(1);
  });

  it('rows that cannot be read', async () => {
    const store = await openStore();
    const { messageId } = await store.accept(draft({ envelope: { x: 1 } }));
    await store.close();
    const db = new DatabaseSync(path);
    db.exec(
      `UPDATE mb_message SET envelope = '{"x":'; UPDATE mb_recipient SET detail = 'no json', state = 99`,
    );
    db.exec(`UPDATE mb_event SET events = '[[['`);
    db.close();
    const again = await openStore();
    for (const read of [
      () => again.inspect(messageId),
      () => again.list({}),
      () => again.events(undefined),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_FAILED', retryable: false });
    }
  });
});

describe('SAFE-13 SAFE-56 a read-only queue can be inspected', () => {
  it('even in a folder where nothing can be written', async () => {
    const store = await openStore();
    const { messageId } = await store.accept(draft());
    await store.close();
    chmodSync(path, 0o400);
    chmodSync(folder, 0o500);
    const look = await openStore({ readOnly: true });
    expect((await look.list({})).rows).toMatchObject([{ address: 'bob@example.org' }]);
    expect((await look.stats()).queued).toBe(1);
    expect(await look.inspect(messageId)).not.toBeNull();
    await expect(look.accept(draft())).rejects.toMatchObject({ code: 'MB_BROKER_STORE_FAILED' });
    await expect(look.cancel({ all: true })).rejects.toMatchObject({ code: 'MB_BROKER_STORE_FAILED' });
  });

  it('and a missing one is not created', async () => {
    await expect(openStore({ readOnly: true })).rejects.toMatchObject({ code: 'MB_BROKER_STORE_FAILED' });
    expect(readdirSync(folder)).toEqual([]);
    mkdirSync(join(folder, 'x'));
  });
});

/** Limits the number of pages of the store's connection, by a statement before the one that `setSite` executes. */
async function limitPages(store: SqliteStore, pages: number): Promise<void> {
  const original = DatabaseSync.prototype.exec;
  await new Promise<void>((resolve, reject) => {
    DatabaseSync.prototype.exec = function (sql: string) {
      DatabaseSync.prototype.exec = original;
      original.call(this, `PRAGMA max_page_count = ${pages}`);
      return original.call(this, sql);
    };
    store.setSite('limit.test', {}).then(() => resolve(), reject);
  });
}
