import { MailBroker, MemoryStore } from '@mb/broker';
import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { createServer, type Scope } from '../../src/index.ts';

const now = () => Date.parse('2026-11-30T10:00:00Z');

/** A service in memory with a key of one tenant, and one message of another. */
async function startService() {
  const broker = new MailBroker({ hostname: 'mail.sender.test', store: new MemoryStore() });
  const server = createServer({
    broker,
    now,
    onError: (error) => {
      throw error;
    },
  });
  const scopes: Scope[] = ['send', 'read', 'operate', 'admin'];
  const { token } = await server.keys.create({
    name: 'shop',
    scopes,
    tenant: 'shop',
    requestsPerMinute: 1_000_000,
  });
  const other = await broker.enqueue(
    { from: 'ann@sender.test', to: 'eve@two.test', text: 'x' },
    { tenant: 'other' },
  );
  return {
    broker,
    otherId: other.id!,
    /** The status of a request, and the JSON of its answer. */
    async post(path: string, body: string) {
      const response = await server.fetch(
        new Request(`http://mail.test${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body,
        }),
      );
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
  };
}

const syntax = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  'null',
  'true',
  '[]',
  '{}',
  '""',
  '-1',
  '1e999',
  '\\u0000',
];

/** What every answer to damaged JSON is: taken, or a problem that says what is wrong. */
function checkAnswer(status: number, body: Record<string, unknown>): void {
  if (status < 300) return;
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(body.code).toMatch(/^MB_/);
}

it(`MUT-08 POST /v1/messages queues a message or nothing: ${mutationCount} damaged bodies`, {
  timeout: mutationTimeoutMs,
}, async () => {
  let service = await startService();
  let count = 0;
  await mutateText({
    name: 'POST /v1/messages',
    samples: [
      JSON.stringify({
        from: 'ann@sender.test',
        to: ['bob@one.test', { name: 'Eve', address: 'eve@two.test' }],
      }),
      JSON.stringify({
        from: { name: 'Änne', address: 'ann@sender.test' },
        to: { name: 'team', members: ['bob@one.test'] },
        subject: 'Hi',
        text: 'x',
        html: '<p>x</p>',
        headers: { 'X-One': ['a', 'b'] },
        attachments: [{ filename: 'a.txt', content: 'eA==', disposition: 'inline', contentId: 'a@b' }],
        list: { id: 'list.sender.test', unsubscribe: 'https://sender.test/u', oneClick: true },
        date: '2026-11-30T10:00:00Z',
        tag: 'news',
        notBefore: '2026-12-01T10:00:00+01:00',
        delivery: { notify: ['failure'], expireAfterMs: 3600000, ret: 'headers', envid: 'x' },
      }),
    ],
    words: [...syntax, '"to"', '"tenant":"other"', '"delivery"', '"bcc"', '"envelope"', '@one.test', '2026-'],
    async check(body) {
      // The memory of one run is bounded: accepted messages go with their broker.
      if (++count % 500 === 0) service = await startService();
      const before = (await service.broker.queue.stats()).queued;
      const answer = await service.post('/v1/messages', body);
      checkAnswer(answer.status, answer.body);
      const after = (await service.broker.queue.stats()).queued;
      if (answer.status !== 202) expect(after).toBe(before);
      return answer.status === 202 ? 'accepted' : 'refused';
    },
  });
});

it(`MUT-09 POST /v1/recipients/cancel changes nothing of another tenant: ${mutationCount} damaged selectors`, {
  timeout: mutationTimeoutMs,
}, async () => {
  const service = await startService();
  await service.broker.enqueue(
    { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' },
    { tenant: 'shop' },
  );
  await mutateText({
    name: 'POST /v1/recipients/cancel',
    samples: [
      '{"all":true}',
      '{"tenant":"shop"}',
      '{"domain":"one.test","state":"queued"}',
      '{"tag":"news"}',
    ],
    words: [...syntax, '"all":true', '"tenant":"other"', '"tenant":""', '"domain":"two.test"', '"messageId"'],
    async check(body) {
      const { status, body: answer } = await service.post('/v1/recipients/cancel', body);
      checkAnswer(status, answer);
      const other = await service.broker.queue.show(service.otherId);
      expect(other?.recipients.map(({ state }) => state)).toEqual(['queued']);
      return status === 200 ? 'accepted' : 'refused';
    },
  });
});
