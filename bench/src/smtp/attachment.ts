import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { peakContender } from '../harness/peak.ts';
import type { Field } from '../harness/row.ts';
import { noise } from '../mime/messages.ts';
import type { AttachmentOrder } from './attachment-tasks.ts';
import { startOwnSink } from './sink.ts';

/** Peak memory of composing and delivering a message with a file of this many octets. */
export async function attachmentField(bytes: number): Promise<Field> {
  const sink = await startOwnSink({ chunking: false });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-attachment-'));
  const file = path.join(folder, 'film.bin');
  writeNoise(file, bytes);
  const order: AttachmentOrder = { port: sink.port, file };
  const module = new URL('./attachment-tasks.ts', import.meta.url).href;
  const task = (name: string) => ({ module, task: name, argument: order });
  let seen = 0;
  const check = async (delivered: unknown): Promise<string | undefined> => {
    const total = (await sink.octets?.()) ?? 0;
    const taken = total - seen;
    seen = total;
    if (delivered !== true) return 'was not delivered';
    const encoded = Math.ceil(bytes / 3) * 4;
    return taken >= encoded && taken < encoded * 1.04 + 10_000 ? undefined : `${taken} octets arrived`;
  };
  return {
    contenders: [
      peakContender('@mb/mime + @mb/smtp-client', 'ours', task('ours'), check),
      peakContender('nodemailer', 'peer', task('nodemailer'), check, 'nodemailer'),
      peakContender('emailjs', 'peer', task('emailjs'), check, 'emailjs'),
      peakContender('base64 to a socket', 'limit', task('streamOnly'), check),
      peakContender('idle process', 'limit', task('idle'), () => undefined),
    ],
    close: async () => {
      await sink.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function writeNoise(file: string, bytes: number): void {
  const block = noise(Math.min(bytes, 1_000_000), 3);
  const descriptor = openSync(file, 'w');
  for (let left = bytes; left > 0; left -= block.length)
    writeSync(descriptor, block, 0, Math.min(left, block.length));
  closeSync(descriptor);
}
