import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { DashboardError } from './errors.ts';

const compressors = { br: promisify(brotliCompress), gzip: promisify(gzip) };

/** A file of the dashboard, ready to be sent. */
export interface DashboardFile {
  readonly type: string;
  readonly octets: Uint8Array<ArrayBuffer>;
  /** By the name of its content coding. */
  readonly compressed: Readonly<Record<'br' | 'gzip', Uint8Array<ArrayBuffer>>>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where the build puts the files; the tests of other packages run the source. */
export const builtFolder = new URL(
  import.meta.url.endsWith('.ts') ? '../dist/ui/' : './ui/',
  import.meta.url,
);

/**
 * Reads all files of a folder once, by their path within it; they are few and small. Compressing them takes a few
 * hundred milliseconds in threads, so that the server is not blocked.
 *
 * @throws {DashboardError} MB_DASHBOARD_FILES
 */
export async function readFiles(folder: URL): Promise<ReadonlyMap<string, DashboardFile>> {
  try {
    const names = await readdir(fileURLToPath(folder), { recursive: true, encoding: 'utf8' });
    const files = new Map<string, DashboardFile>();
    for (const name of names) {
      const type = types[extname(name)];
      if (type === undefined) continue;
      const octets = await readFile(new URL(name, folder));
      const compressed = {
        br: new Uint8Array(await compressors.br(octets)),
        gzip: new Uint8Array(await compressors.gzip(octets)),
      };
      files.set(name.replaceAll('\\', '/'), { type, octets: new Uint8Array(octets), compressed });
    }
    if (!files.has('index.html')) throw new Error('index.html is missing');
    return files;
  } catch (cause) {
    throw new DashboardError(
      'MB_DASHBOARD_FILES',
      'The files of the dashboard are missing; in a clone of the project, build them: pnpm --filter @mb/dashboard build',
      { cause },
    );
  }
}
