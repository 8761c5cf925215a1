import { chmodSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';

/** A new empty folder for one server or suite; it is in memory and vanishes with the run. Servers that drop root may enter it. */
export function makeFolder(name: string): string {
  const lab = process.env.MB_LAB;
  if (!lab) throw new Error('No lab here: start the suites with `pnpm interop [filter]`.');
  const folder = mkdtempSync(join(lab, `${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}
