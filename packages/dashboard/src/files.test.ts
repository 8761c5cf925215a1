import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { readFiles } from './files.ts';

it('DSH-44 says how to build the files when they are not there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mb-dashboard-'));
  try {
    for (const url of [pathToFileURL(`${folder}/`), pathToFileURL(`${folder}/none/`)]) {
      await expect(readFiles(url)).rejects.toThrow(
        expect.objectContaining({ code: 'MB_DASHBOARD_FILES', message: expect.stringContaining('build') }),
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('DSH-104 reads files of known types, and compresses them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mb-dashboard-'));
  try {
    writeFileSync(join(folder, 'index.html'), '<p>page</p>');
    writeFileSync(join(folder, 'notes.txt'), 'not served');
    const files = await readFiles(pathToFileURL(`${folder}/`));
    expect([...files.keys()]).toEqual(['index.html']);
    const { compressed, type } = files.get('index.html')!;
    expect(type).toBe('text/html; charset=utf-8');
    expect(brotliDecompressSync(compressed.br).toString()).toBe('<p>page</p>');
    expect(gunzipSync(compressed.gzip).toString()).toBe('<p>page</p>');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
