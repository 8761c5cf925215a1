import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composeMessage, parseMessage } from '../../src/index.ts';
import { fileAttachment } from '../../src/node.ts';
import { codeOf } from '../compose-text.ts';

const MIB = 1024 * 1024;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mb-mime-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('fileAttachment', () => {
  it('streams a file each time the message is written', async () => {
    const path = join(folder, 'größe.pdf');
    const content = Uint8Array.from({ length: 200_001 }, (_, i) => (i * 7) & 255);
    await writeFile(path, content);
    const composed = composeMessage({
      from: 'a@example.com',
      text: 't',
      attachments: [await fileAttachment(path)],
    });
    expect(composed.repeatable).toBe(true);
    const bytes = await composed.bytes();
    expect(bytes.length).toBe(composed.size);
    expect(Buffer.from(await composed.bytes()).equals(bytes)).toBe(true);
    const [part] = (await parseMessage(bytes)).attachments;
    expect(part?.filename).toBe('größe.pdf');
    expect(part?.contentType).toBe('application/pdf');
    expect(Buffer.from(part!.content).equals(content)).toBe(true);
  });

  it('MIME-33 fails when the file has become shorter or longer, or is gone', async () => {
    const path = join(folder, 'changing.txt');
    await writeFile(path, 'twelve octets');
    const attachment = await fileAttachment(path, { filename: 'other.txt', disposition: 'inline' });
    expect(attachment).toMatchObject({ filename: 'other.txt', disposition: 'inline', size: 13 });
    const read = () => composeMessage({ from: 'a@example.com', attachments: [attachment] }).bytes();
    await writeFile(path, 'short');
    expect(await codeOf(read)).toBe('MB_MIME_CONTENT_LENGTH');
    await writeFile(path, 'much longer than before');
    expect(await codeOf(read)).toBe('MB_MIME_CONTENT_LENGTH');
    await rm(path);
    expect(await codeOf(read)).toBe('MB_MIME_CONTENT_FAILED');
  });

  it('refuses what is no file', async () => {
    expect(await codeOf(() => fileAttachment(join(folder, 'none')))).toBe('ENOENT');
    expect(await codeOf(() => fileAttachment(folder))).toBe('EISDIR');
  });
});

describe('a large attachment', () => {
  it('MIME-47 raises the peak of memory by less than 32 MiB for 1 GiB', async () => {
    const script = fileURLToPath(new URL('./large-attachment.ts', import.meta.url));
    const size = 1024 * MIB;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--conditions=@mb/source',
      script,
      `${size}`,
    ]);
    const { rise, written, announced } = JSON.parse(stdout) as Record<string, number>;
    expect(written).toBe(announced);
    expect(written).toBeGreaterThan((size * 4) / 3);
    expect(rise! / MIB).toBeLessThan(32);
  }, 120_000);
});
