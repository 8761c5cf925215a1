import { describe, expect, it } from 'vitest';
import { MemoryStore, type RouteOption } from '../../src/index.ts';
import { startLab } from '../lab.ts';
import { enforcing } from '../mta-sts-store.ts';

const domains = Array.from({ length: 10 }, (_, n) => `d${n}`);
const addresses = domains.map((name) => `bob@${name}.test`);
const message = { from: 'ann@sender.test', to: addresses, subject: 'Hi', text: 'Hello' };
const records = Object.fromEntries(domains.map((name) => [name, { MX: '10 mx1.test' }]));
const relayAt = (port: number): Record<string, RouteOption> => ({
  '*': { type: 'smarthost', host: 'relay.test', port, tls: 'none' },
});

/** How often each command was given; BDAT counts as DATA. */
function count(commands: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const command of commands) {
    const verb = command.split(/[ :]/)[0]!.toUpperCase().replace('BDAT', 'DATA');
    counts[verb] = (counts[verb] ?? 0) + 1;
  }
  return counts;
}

describe('next hop before domain', () => {
  it('HOP-02 send() gives a relay a message to ten domains once', async () => {
    await using lab = await startLab({
      hosts: {
        relay: {
          address: '127.0.42.1',
          script: {
            rcpt: ({ recipient }) => (recipient === 'bob@d3.test' ? '550 5.1.1 No such user' : undefined),
          },
        },
      },
      broker: (port) => ({ delivery: { routes: relayAt(port) } }),
    });
    const outcomes = await lab.broker.send(message);
    await lab.broker.close();
    expect(outcomes.map(({ recipient }) => recipient)).toEqual(addresses);
    expect(outcomes.map(({ status }) => status)).toEqual(
      addresses.map((address) => (address === 'bob@d3.test' ? 'failed' : 'delivered')),
    );
    const [session, ...others] = lab.hosts.relay!.sessions;
    expect(others).toEqual([]);
    expect(count(session!.commands)).toMatchObject({ MAIL: 1, RCPT: 10, DATA: 1 });
    const { deliveries } = await lab.broker.explain(message);
    expect(deliveries).toMatchObject([{ domains: domains.map((name) => `${name}.test`), port: lab.port }]);
  });

  it('HOP-03 HOP-06 domains with the same mail exchangers share a connection, and have transactions of their own', async () => {
    await using lab = await startLab({ hosts: { mx1: { address: '127.0.42.1' } }, records });
    const outcomes = await lab.broker.send(message);
    await lab.broker.close();
    expect(outcomes.map(({ status }) => status)).toEqual(addresses.map(() => 'delivered'));
    const [session, ...others] = lab.hosts.mx1!.sessions;
    expect(others).toEqual([]);
    expect(count(session!.commands)).toMatchObject({ MAIL: 10, RCPT: 10 });
    for (const { recipients } of session!.transactions) expect(recipients).toHaveLength(1);
  });

  it('HOP-04 domains with another TLS policy share no connection', async () => {
    await using lab = await startLab({
      hosts: { mx1: { address: '127.0.42.1', tls: true } },
      records: {
        one: { MX: '10 mx1.test' },
        two: { MX: '10 mx1.test' },
        '_mta-sts.two': { TXT: 'v=STSv1; id=1;' },
      },
      broker: { tls: { mtaSts: { store: enforcing('two.test', 'mx1.test') } } },
    });
    await lab.broker.send({ ...message, to: ['a@one.test', 'b@two.test'] });
    await lab.broker.close();
    const { sessions } = lab.hosts.mx1!;
    expect(sessions.map(({ transactions }) => transactions.length)).toEqual([1, 1]);
  });

  it('HOP-05 the queue gives a relay a message to ten domains once', async () => {
    await using lab = await startLab({
      hosts: { relay: { address: '127.0.42.1' } },
      broker: (port) => ({ store: new MemoryStore(), delivery: { routes: relayAt(port) } }),
    });
    const { id } = await lab.broker.enqueue(message);
    lab.broker.start();
    await expect
      .poll(async () => (await lab.broker.queue.show(id!))?.recipients.map(({ state }) => state))
      .toEqual(addresses.map(() => 'delivered'));
    await lab.broker.close();
    const [session, ...others] = lab.hosts.relay!.sessions;
    expect(others).toEqual([]);
    expect(count(session!.commands)).toMatchObject({ MAIL: 1, RCPT: 10, DATA: 1 });
  });
});
