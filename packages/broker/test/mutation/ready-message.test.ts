import { MimeError } from '@mb/mime';
import { mutateOctets, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { BrokerError } from '../../src/errors.ts';
import { type ReadyMessage, readReadyMessage } from '../../src/message/ready-message.ts';

const envelope = { from: 'ann@example.com', to: ['bob@example.org'] };
const samples = [
  'From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: Hi\r\nBcc: eve@example.net\r\n\r\nBody\r\n.\r\n',
  'From: ann@example.com\nSubject: folded\n over two lines\nContent-Type: text/plain; charset=utf-8\n\nTäxt\n',
  'From: "A, B" <ann@example.com>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n\r\n',
].map((text) => new Uint8Array(Buffer.from(text)));

async function octetsOf(raw: ReadyMessage['raw']): Promise<string> {
  const { octets, release } = await readReadyMessage({ raw, envelope });
  try {
    if (octets instanceof Uint8Array) return Buffer.from(octets).toString('latin1');
    const chunks: Uint8Array[] = [];
    for await (const chunk of octets) chunks.push(chunk);
    return Buffer.concat(chunks).toString('latin1');
  } finally {
    await release?.();
  }
}

async function* inPieces(octets: Uint8Array, integer: (least: number, most: number) => number) {
  for (let at = 0; at < octets.length; ) {
    const length = integer(1, 40);
    yield octets.subarray(at, at + length);
    at += length;
  }
}

async function outcomeOf(raw: ReadyMessage['raw']): Promise<string | { readonly refused: string }> {
  try {
    return await octetsOf(raw);
  } catch (error) {
    if (!BrokerError.isInstance(error) && !MimeError.isInstance(error)) throw error;
    return { refused: error.code };
  }
}

it(`MUT-01 MUT-03 MUT-05 readReadyMessage gives octets that can be read in one way: ${mutationCount} damaged messages`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateOctets({
    name: 'readReadyMessage',
    samples,
    words: [
      '\r',
      '\n',
      '\r\n',
      '\0',
      '\r\n\r\n',
      'From: ',
      'Bcc: ',
      'bcc : ',
      'Subject: ',
      '\r\n ',
      ':',
      '\r\r\n',
      '\n\n',
    ],
    async check(octets, { integer }) {
      const outcome = await outcomeOf(octets);
      expect(await outcomeOf(inPieces(octets, integer))).toEqual(outcome);
      if (typeof outcome !== 'string') return 'refused';
      const end = outcome.indexOf('\r\n\r\n');
      const header = end < 0 ? outcome : outcome.slice(0, end);
      // A lone CR, a lone LF or a NUL would be read differently by different readers.
      expect(header.replaceAll('\r\n', '')).not.toMatch(/[\r\n\0]/);
      const names = header
        .split(/\r\n(?![ \t])/)
        .map((field) => field.split(':', 1)[0]?.trim().toLowerCase());
      expect(names.filter((name) => name === 'from')).toEqual(['from']);
      expect(names).not.toContain('bcc');
      // What was made is taken again without a change.
      expect(await outcomeOf(new Uint8Array(Buffer.from(outcome, 'latin1')))).toBe(outcome);
      return 'accepted';
    },
  });
});
