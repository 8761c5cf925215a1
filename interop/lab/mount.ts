import { mkdirSync, rmdirSync } from 'node:fs';
import { mustRun, undoLater } from './process.ts';

/**
 * Mounts a folder at a path that is built into a program. Inside the lab only; a mount point that is made on the machine
 * for it is removed with the mount.
 *
 * @returns a function that removes the mount; without a call it goes after the last test of the file.
 */
export async function mountFolder(from: string, to: string): Promise<() => Promise<void>> {
  return mountAt(to, '--bind', from);
}

/** Mounts an empty folder in memory at a path, like {@link mountFolder}. */
export async function mountEmpty(to: string): Promise<() => Promise<void>> {
  return mountAt(to, '-t', 'tmpfs', 'mb-lab');
}

async function mountAt(to: string, ...source: readonly string[]): Promise<() => Promise<void>> {
  const made = mkdirSync(to, { recursive: true });
  await mustRun('mount', [...source, to]);
  return undoLater(async () => {
    // Lazy: what is still open in it does not keep it.
    await mustRun('umount', ['-l', to]);
    if (made === to) rmdirSync(to);
  });
}
