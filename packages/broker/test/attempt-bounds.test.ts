import { type Duplex, duplexPair } from 'node:stream';
import { createMemoryResolver } from '@mb/dns/memory';
import { connect } from '@mb/smtp-client';
import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { MailBroker, MemoryStore } from '../src/index.ts';

const minute = 60_000;
const hosts = ['mx1', 'mx2', 'mx3', 'mx4'];

/** A broker whose hosts all greet after `greetingMs` and then take every message; says when each was dialled. */
async function startBroker(greetingMs: number, names: readonly string[]) {
  // Code that the client loads at its first connection takes real time, of which none may pass in a virtual minute.
  const openNothing = () => Promise.reject(new Error('There is no host.'));
  await connect({ host: '192.0.2.1', hostname: 'mail.example.com', openSocket: openNothing }).catch(() => {});
  const clock = new VirtualClock();
  const startedAt = clock.now();
  const dialled: { readonly address: string; readonly minute: number }[] = [];
  const openSocket = async ({ address }: { readonly address: string }): Promise<Duplex> => {
    dialled.push({ address, minute: Math.round((clock.now() - startedAt) / minute) });
    const [client, server] = duplexPair();
    clock.setTimer(() => server.write('220 mx.example.org\r\n'), greetingMs);
    let content = false;
    server.on('data', (octets: Buffer) => {
      for (const line of octets.toString('latin1').split('\r\n')) {
        if (line === '.') content = false;
        else if (content || line === '') continue;
        if (line === 'DATA') content = true;
        server.write(line === 'DATA' ? '354 go\r\n' : '250 ok\r\n');
      }
    });
    server.on('end', () => server.end());
    server.on('error', () => {});
    return client;
  };
  const store = new MemoryStore({ clock });
  const broker = new MailBroker({
    hostname: 'mail.example.com',
    dns: createMemoryResolver({
      'example.org': { MX: names.map((name, index) => [10 * (index + 1), `${name}.example.org`] as const) },
      ...Object.fromEntries(
        names.map((name, index) => [`${name}.example.org`, { A: `192.0.2.${index + 1}` }]),
      ),
    }),
    store,
    delivery: { allowAddresses: ['192.0.2.0/24'] },
    tls: { mtaSts: false, dane: false },
    queue: { retention: null, bounces: false, schedule: { firstMs: 5 * minute, jitter: 0 } },
    runtime: { clock, openSocket },
  });
  const { id } = await broker.enqueue({
    from: 'a@example.com',
    to: 'b@example.org',
    subject: 'S',
    text: 'T',
  });
  broker.start();
  const recipient = async () => (await broker.queue.show(id!))!.recipients[0]!;
  return { clock, broker, dialled, recipient };
}

/** Lets virtual minutes pass; what waits on promises gets its turn in each. */
async function pass(clock: VirtualClock, minutes: number): Promise<void> {
  for (let passed = 0; passed < minutes; passed++) await clock.advance(minute);
}

it('Q-18 Q-84 gives a host one minute for its greeting at the first attempt and five at the next', async () => {
  const { clock, broker, dialled, recipient } = await startBroker(2 * minute, ['mx1']);
  await pass(clock, 2);
  expect(await recipient()).toMatchObject({ state: 'queued', attempts: 1, detail: { stage: 'greeting' } });
  await pass(clock, 10);
  expect(await recipient()).toMatchObject({ state: 'delivered', attempts: 2 });
  expect(dialled.map((dial) => dial.minute)).toEqual([0, 6]);
  await broker.stop({ graceMs: 0 });
});

it('Q-19 tries no further host once an attempt has lasted ten minutes', async () => {
  const { clock, broker, dialled, recipient } = await startBroker(60 * minute, hosts);
  // The first attempt gives each of the four a minute.
  await pass(clock, 6);
  expect(dialled.map((dial) => dial.minute)).toEqual([0, 1, 2, 3]);
  // The second one gives each five, so that it comes to two of them.
  await pass(clock, 20);
  expect(dialled.slice(4).map((dial) => dial.minute)).toEqual([9, 14]);
  expect(await recipient()).toMatchObject({ state: 'queued', attempts: 2 });
  await broker.stop({ graceMs: 0 });
});
