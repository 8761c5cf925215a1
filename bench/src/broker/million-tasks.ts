import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MillionQueue } from './million-queue.ts';

/** Fills a queue and claims from it until each destination had ten turns; returns what went wrong. */
export async function fillAndClaim(recipients: number): Promise<string | undefined> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-million-'));
  try {
    const queue = new MillionQueue(path.join(folder, 'queue.db'), recipients);
    await queue.fill();
    let problem: string | undefined;
    for (let turn = 0; turn < 10; turn++) {
      await queue.claimAll();
      problem ??= await queue.giveBack();
    }
    await queue.close();
    return problem;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
