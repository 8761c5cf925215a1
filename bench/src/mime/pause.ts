import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { composeMessage, parseMessage } from '@mb/mime';
import { longestPause } from '../harness/loop-pause.ts';
import type { Field, ToldOutput } from '../harness/row.ts';

interface Paused extends ToldOutput {
  /** Of the attachment, or of the whole message. */
  readonly octets: number;
}

/** How long the event loop is blocked while a message with an attachment of this many octets is read from a file. */
export async function pauseParseField(attachmentBytes: number): Promise<Field> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-parse-'));
  const file = path.join(folder, 'message.eml');
  const message = composeMessage({
    from: 'shop@example.org',
    to: 'jane@example.com',
    subject: 'A film',
    text: 'See the attachment.',
    attachments: [{ filename: 'film.mp4', content: Buffer.alloc(attachmentBytes, 'Octets of a film. ') }],
  });
  await writeFile(file, message);
  const ours = async (): Promise<Paused> => {
    let octets = 0;
    const told = await longestPause(async () => {
      const parsed = await parseMessage(createReadStream(file));
      octets = parsed.attachments[0]?.content.length ?? 0;
    });
    return { told, octets };
  };
  const floor = async (): Promise<Paused> => {
    let octets = 0;
    const told = await longestPause(async () => {
      for await (const chunk of createReadStream(file)) octets += (chunk as Buffer).length;
    });
    return { told, octets };
  };
  return {
    contenders: [
      {
        name: '@mb/mime',
        role: 'ours',
        run: ours,
        check: (output) =>
          (output as Paused).octets === attachmentBytes ? undefined : 'the attachment has another length',
      },
      {
        name: 'floor: the file read',
        role: 'limit',
        run: floor,
        check: (output) => ((output as Paused).octets > attachmentBytes ? undefined : 'the file is shorter'),
      },
    ],
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
