import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SqliteStore } from '@mb/broker/sqlite';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mustRun } from '../lab/process.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Numbers of errors of Linux, for all that writes. */
const errors = { EIO: '5', EROFS: '30', ENOSPC: '28', EDQUOT: '122' } as const;
/** For what reads, and for what opens files. */
const otherErrors = { 'EIO of reads': 'r5', EMFILE: '24' } as const;

interface Report {
  readonly accepted: readonly string[];
  readonly refused: readonly {
    readonly call: string;
    readonly error: string;
    readonly typed: boolean;
    readonly code: string;
    readonly retryable: boolean;
    readonly message: string;
  }[];
  readonly recovered: readonly boolean[];
  readonly untyped: readonly string[];
}

describe('a disk that fails', () => {
  const folder = makeFolder('disk-faults');
  const queue = join(folder, 'queue');
  let report: Report;

  beforeAll(async () => {
    await ensureDebianPackages(['gcc', 'libc6-dev']);
    const library = join(folder, 'fail_writes.so');
    const compile = ['-O1', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', library];
    await mustRun('cc', [...compile, here('../lab/fail_writes.c'), '-ldl']);
    for (const path of [queue, join(queue, 'tmp')]) {
      mkdirSync(path);
      chmodSync(path, 0o700);
    }
    const worker = ['--conditions=@mb/source', here('disk-fault-worker.ts'), queue];
    const stdout = await mustRun(
      process.execPath,
      [...worker, ...Object.values({ ...errors, ...otherErrors })],
      {
        timeoutMs: 120_000,
        env: {
          LD_PRELOAD: library,
          MB_FAIL_FOLDER: queue,
          MB_FAIL_ERRNO: join(folder, 'errno'),
          TMPDIR: join(queue, 'tmp'),
          NODE_OPTIONS: '',
        },
      },
    );
    report = JSON.parse(stdout.trim().split('\n').at(-1)!) as Report;
  }, 300_000);

  it.each(Object.entries(errors))(
    'SAFE-50 %s is a typed error that may be repeated, in every call that writes',
    (_, number) => expectTyped(number, ['small', 'large', 'hold', 'suppress', 'record']),
  );

  it.each(Object.entries(otherErrors))(
    'SAFE-126 %s is a typed error that may be repeated, of a temporary file and of a queue that is opened',
    (_, number) => expectTyped(number, ['large', 'reopen']),
  );

  function expectTyped(number: string, calls: readonly string[]): void {
    const during = report.refused.filter(({ error }) => error === number);
    expect(during.map(({ call }) => call)).toEqual(calls);
    for (const { typed, code, retryable, message } of during) {
      expect({ typed, retryable, message }).toMatchObject({ typed: true, retryable: true });
      expect(code).toMatch(/^MB_BROKER_(STORE_FAILED|SPOOL)$/);
    }
    expect(report.untyped).toEqual([]);
  }

  it('SAFE-61 continues when the disk works again, has lost nothing, and has stored nothing that it refused', async () => {
    expect(report.recovered).toEqual(Object.keys({ ...errors, ...otherErrors }).map(() => true));
    const store = new SqliteStore(join(queue, 'queue.db'), { pollMs: 0 });
    await store.open();
    const { rows } = await store.list({}, { limit: 1000 });
    expect(rows.map(({ messageId }) => messageId).sort()).toEqual([...report.accepted].sort());
    expect((await store.listSuppressed()).rows).toEqual([]);
    expect((await store.records.list('domain')).rows).toEqual([]);
    await store.close();
    expect(readdirSync(join(queue, 'tmp'))).toEqual([]);
  });
});
