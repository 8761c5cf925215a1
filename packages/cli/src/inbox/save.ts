import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeNewFile } from '../private-file.ts';
import type { Arrival } from './server.ts';

/**
 * Saves messages as .eml files whose names begin with the time, so that they sort. No file is replaced.
 *
 * RFC 5321 §4.4: final delivery adds a Return-Path field at the beginning.
 */
export function createSaver(folder: string): (arrival: Arrival) => Promise<string> {
  let count = 0;
  return async ({ octets, at, sender, recipients }) => {
    // Only the user that runs mb may read mail.
    await mkdir(folder, { recursive: true, mode: 0o700 });
    count += 1;
    const moment = new Date(at).toISOString().replaceAll(/[-:]/g, '').replace('.', '-');
    const path = join(folder, `${moment}-${process.pid}-${count}.eml`);
    const trace = [
      `Return-Path: <${oneLine(sender)}>`,
      ...recipients.map((address) => `Delivered-To: ${oneLine(address)}`),
    ];
    const front = Buffer.from(`${trace.join('\r\n')}\r\n`);
    await writeNewFile(path, Buffer.concat([front, octets]));
    return path;
  };
}

/** An address from the network must not add a header field. */
function oneLine(address: string): string {
  return address.replaceAll(/[\x00-\x1f\x7f]/g, '');
}
