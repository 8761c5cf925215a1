import { describe, expect, it } from 'vitest';
import { composeMessage, type Message } from './index.ts';

const CLOCK = 1_700_000_000_000;

/** A random source that gives the same octets each time it is made. */
export function seededBytes(seed = 1): (length: number) => Uint8Array {
  let state = seed;
  return (length) =>
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    });
}

async function compose(message: Message): Promise<string> {
  const octets = await composeMessage(message, { now: () => CLOCK, randomBytes: seededBytes() }).bytes();
  return new TextDecoder().decode(octets);
}

describe('composeMessage', () => {
  it('writes a plain message', async () => {
    const text = await compose({
      from: 'Ann <ann@example.com>',
      to: 'bob@example.net',
      subject: 'Hi',
      text: 'Hello',
    });
    expect(text).toBe(
      [
        'From: Ann <ann@example.com>',
        'To: bob@example.net',
        'Subject: Hi',
        'Date: Tue, 14 Nov 2023 22:13:20 +0000',
        text.split('\r\n')[4],
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: 7bit',
        '',
        'Hello',
        '',
      ].join('\r\n'),
    );
    expect(text.split('\r\n')[4]).toMatch(/^Message-ID: <[0-9a-z]+\.[0-9a-f]{24}@example\.com>$/);
  });
});
