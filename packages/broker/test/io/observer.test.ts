import type { Message } from '@mb/mime';
import { expect, it } from 'vitest';
import { MemoryStore, type Observation, type ObservationType } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const message: Message = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Hi', text: 'Hello' };

/** Observations of a type, without how long things took. */
function seenOf<Type extends ObservationType>(seen: readonly Observation[], type: Type) {
  return seen
    .filter((each): each is Extract<Observation, { type: Type }> => each.type === type)
    .map(({ durationMs, ...rest }: Observation & { durationMs?: number }) => {
      expect(durationMs === undefined || durationMs >= 0).toBe(true);
      return rest;
    });
}

it('OBS-03 observes a message on its way: route, connection, TLS, lines and the attempt', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.10.1', tls: true } },
    records: { one: { MX: '10 mx1.test' } },
  });
  const seen: Observation[] = [];
  const stop = lab.broker.observe((observation) => seen.push(observation));
  await lab.broker.send(message);
  expect(seenOf(seen, 'route')).toMatchObject([{ domain: 'one.test', status: 'found', hosts: ['mx1.test'] }]);
  expect(seenOf(seen, 'connect')).toEqual([
    { type: 'connect', domain: 'one.test', host: 'mx1.test', port: lab.port },
  ]);
  expect(seenOf(seen, 'attempt')).toMatchObject([
    { domain: 'one.test', attempt: 1, outcomes: [{ status: 'delivered', recipient: 'bob@one.test' }] },
  ]);
  const lines = seen.flatMap((each) => (each.type === 'line' ? [each.line] : []));
  expect(lines.map(({ text }) => text)).toContain('STARTTLS');
  expect(JSON.stringify(lines)).not.toContain('Hello');
  stop();
  const before = seen.length;
  await lab.broker.send(message);
  expect(seen).toHaveLength(before);
});

it('OBS-04 tells how TLS went in the terms of RFC 8460, of failed sessions too', async () => {
  await using lab = await startLab({
    hosts: {
      mx1: { address: '127.0.10.1', tls: true },
      mx2: { address: '127.0.10.2' },
    },
    records: { one: { MX: '10 mx1.test' }, two: { MX: '10 mx2.test' } },
    broker: { tls: { minimum: 'required' } },
  });
  const seen: Observation[] = [];
  lab.broker.observe((observation) => seen.push(observation), { types: ['tls', 'connect'] });
  await lab.broker.send({ ...message, to: ['bob@one.test', 'bob@two.test'] });
  expect(new Set(seen.map(({ type }) => type))).toEqual(new Set(['tls', 'connect']));
  const results = seenOf(seen, 'tls').sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  expect(results).toMatchObject([
    {
      domain: 'one.test',
      host: 'mx1.test',
      policy: 'no-policy-found',
      basis: 'configured',
      evidence: { secure: true },
    },
    { domain: 'two.test', host: 'mx2.test', policy: 'no-policy-found', result: 'starttls-not-supported' },
  ]);
  const failed = seen.find((each) => each.type === 'connect' && each.host === 'mx2.test');
  expect(failed).toMatchObject({ errorCode: 'MB_SMTP_TLS_NOT_OFFERED' });
});

it('OBS-05 observes the worker: claims, settlements and errors', async () => {
  const store = new MemoryStore();
  const seen: Observation[] = [];
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.10.1' } },
    records: { one: { MX: '10 mx1.test' } },
    broker: {
      store,
      observer: (observation: Observation) => seen.push(observation),
      queue: { onError: () => {} },
    },
  });
  const settle = store.settle.bind(store);
  let failures = 1;
  store.settle = async (settlement) => {
    if (failures-- > 0) throw new Error('the disk is away');
    return settle(settlement);
  };
  await lab.broker.enqueue(message);
  lab.broker.start();
  await expect.poll(() => seen.some(({ type }) => type === 'settle'), { timeout: 10_000 }).toBe(true);
  await lab.broker.stop();
  expect(seenOf(seen, 'claim')[0]).toMatchObject({ kind: 'attempt', messages: 1, recipients: 1 });
  expect(seen.find(({ type }) => type === 'error')).toMatchObject({ error: new Error('the disk is away') });
});

it('OBS-06 refuses a listener that is no function and types that do not exist', async () => {
  await using lab = await startLab({ hosts: {}, records: {} });
  const { broker } = lab;
  expect(() => broker.observe(5 as never)).toThrow(expect.objectContaining({ code: 'MB_BROKER_OPTION' }));
  expect(() => broker.observe(() => {}, { types: ['tsl' as never] })).toThrow(/types\[0\] must be one of/);
  expect(() => broker.observe(() => {}, { types: [] })).toThrow(/at least 1/);
});
