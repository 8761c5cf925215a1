import { signMessage } from '@mb/dkim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Rspamd, rspamdReads, startRspamd } from './rspamd.ts';
import { makeUglyMessage } from './ugly-message.ts';
import { type PublishedKeys, publishKeys } from './zone.ts';

let keys: PublishedKeys;
let rspamd: Rspamd;

beforeAll(async () => {
  keys = await publishKeys();
  rspamd = await startRspamd(keys.zone, { selector: 'rsa', key: keys.rsa.privateKey });
}, 300_000);
afterAll(() => rspamd?.stop());

const messageCount = Number(process.env.MB_DKIM_MESSAGES ?? 500);
const messages = Array.from({ length: messageCount }, (_, index) => makeUglyMessage(index + 1, false)).filter(
  rspamdReads,
);

async function signed(
  wire: Buffer,
  canonicalization: 'relaxed/relaxed' | 'relaxed/simple' | 'simple/relaxed' | 'simple/simple',
): Promise<Buffer> {
  const fields = await signMessage(wire, [
    { domain: 'example.com', selector: 'rsa', privateKey: keys.rsa.privateKey, canonicalization },
    { domain: 'example.com', selector: 'ed', privateKey: keys.ed.privateKey, canonicalization },
  ]);
  return Buffer.concat([Buffer.from(fields, 'latin1'), wire]);
}

describe('rspamd', () => {
  it.each(['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'] as const)(
    'DKIM-04 DKIM-10 verifies both signatures of what we sign, %s',
    async (canonicalization) => {
      expect(messages.length).toBeGreaterThan(messageCount / 2);
      const failures: string[] = [];
      for (const { seed, wire } of messages) {
        const { symbols } = await rspamd.check(await signed(wire, canonicalization));
        const allowed = [...(symbols.R_DKIM_ALLOW ?? [])].sort();
        if (allowed.join() !== 'example.com:s=ed,example.com:s=rsa')
          failures.push(`seed ${seed}: allows ${allowed.join() || 'none'}`);
      }
      expect(failures).toEqual([]);
    },
    300_000,
  );

  it('DKIM-23 verifies neither after a change', async () => {
    const message = await signed(messages[0]!.wire, 'relaxed/relaxed');
    const { symbols } = await rspamd.check(Buffer.concat([message, Buffer.from('added\r\n')]));
    expect(symbols.R_DKIM_ALLOW).toBeUndefined();
    expect(symbols.R_DKIM_REJECT?.length).toBeGreaterThan(0);
  });
});
