import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A compiled library that makes every flush of a disk take 4 ms, for `LD_PRELOAD`. */
export interface SlowDisk {
  readonly library: string;
  remove(): void;
}

/** @returns undefined on machines without gcc or without `LD_PRELOAD`. */
export function compileSlowDisk(): SlowDisk | undefined {
  if (process.platform !== 'linux') return undefined;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-slow-disk-'));
  const library = path.join(folder, 'slow-disk.so');
  const source = fileURLToPath(new URL('./slow-disk.c', import.meta.url));
  const { status } = spawnSync('gcc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl']);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  if (status === 0) return { library, remove };
  remove();
  return undefined;
}
