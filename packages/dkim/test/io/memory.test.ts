import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('./read-stream.ts', import.meta.url));

/** Peak memory of a process that reads or signs, in MiB. */
async function peakOf(mode: 'read' | 'sign', mebibytes: number): Promise<number> {
  const run = await promisify(execFile)(process.execPath, [program, mode, String(mebibytes)]);
  return Number(run.stdout.split(' ')[0]) / 1024;
}

describe('memory', () => {
  it('DKIM-67 signing a stream of 1 GiB adds less than 16 MiB to the peak of reading it', async () => {
    const read = await peakOf('read', 1024);
    const sign = await peakOf('sign', 1024);
    expect(sign - read).toBeLessThan(16);
  }, 60_000);
});
