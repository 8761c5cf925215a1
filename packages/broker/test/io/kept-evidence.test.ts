import { generateKeyPairSync } from 'node:crypto';
import type { Message } from '@mb/mime';
import { inTurn } from '@mb/testkit';
import { expect, it } from 'vitest';
import { type KeptTranscripts, MemoryStore, type OutcomeDetail, type QueueEvent } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const message: Message = {
  from: 'ann@sender.test',
  to: 'bob@one.test',
  subject: 'S',
  text: 'A secret of the text',
};

/** Details of the outcomes of a message that is deferred, then delivered. */
async function detailsWith(transcripts: KeptTranscripts | undefined, line = '451 4.3.0 Later') {
  const { privateKey } = generateKeyPairSync('ed25519');
  const store = new MemoryStore();
  await store.open();
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.11.7', script: { rcpt: inTurn(line, undefined) } } },
    records: { one: { MX: '10 mx1.test' } },
    broker: {
      store,
      queue: { schedule: { firstMs: 50, maxMs: 200 }, transcripts },
      dkim: { domain: 'sender.test', selector: 's1', privateKey },
      dkimCheck: 'off' as const,
    },
  });
  await lab.broker.enqueue(message);
  lab.broker.start();
  const seen: QueueEvent[] = [];
  for await (const event of lab.broker.events({ after: 'start', signal: AbortSignal.timeout(8_000) })) {
    seen.push(event);
    if (event.type === 'delivered') break;
  }
  await lab.broker.stop();
  const detail = (type: string) => seen.find((event) => event.type === type)!.detail as OutcomeDetail;
  return { deferred: detail('deferred'), delivered: detail('delivered') };
}

it('DSH-20 DSH-101 an outcome keeps the transcript of its session where it did not deliver, without content', async () => {
  const { deferred, delivered } = await detailsWith(undefined);
  const texts = deferred.transcript!.map(({ direction, text }) => `${direction} ${text}`);
  expect(texts).toContain('client RCPT TO:<bob@one.test>');
  expect(texts).toContain('server 451 4.3.0 Later');
  expect(texts.join()).not.toContain('secret');
  expect(delivered.transcript).toBeUndefined();
});

it('DSH-90 `transcripts` keeps those of all outcomes, or none', async () => {
  const all = await detailsWith('all');
  expect(all.delivered.transcript!.map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/^MAIL FROM:<ann@sender.test>/),
  );
  const none = await detailsWith('none');
  expect(none.deferred.transcript).toBeUndefined();
});

it('DSH-91 a long transcript is shortened, so that the outcome fits', async () => {
  const line = Array.from(
    { length: 60 },
    (_, n) => `451${n < 59 ? '-' : ' '}line ${'x'.repeat(n === 0 ? 300 : 1)}`,
  ).join('\r\n');
  const { deferred } = await detailsWith(undefined, line);
  expect(deferred.transcript).toHaveLength(41);
  expect(deferred.transcript!.some(({ text }) => /more entries were not kept/.test(text))).toBe(true);
  for (const { text } of deferred.transcript!) expect(text.length).toBeLessThan(170);
  expect(deferred.reply?.code).toBe(451);
});

it('DSH-21 an outcome names the keys that the worker has signed with', async () => {
  const { delivered } = await detailsWith('none');
  expect(delivered.signatures).toEqual([{ domain: 'sender.test', selector: 's1' }]);
});
