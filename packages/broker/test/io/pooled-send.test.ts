import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startNode } from '../../../../vitest.process.ts';
import { MailBroker } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const message = { from: 'ann@sender.test', subject: 'Hi', text: 'Hello' } as const;
const one = { one: { MX: '10 mx1.test' } };

/** Counts the sessions that are open at once. */
function counting() {
  const open = new Set<object>();
  const seen = { most: 0 };
  return {
    seen,
    script: {
      mail: ({ session }: { readonly session: object }) => {
        open.add(session);
        seen.most = Math.max(seen.most, open.size);
        return undefined;
      },
      quit: ({ session }: { readonly session: object }) => {
        open.delete(session);
        return undefined;
      },
    },
  };
}

describe('send()', () => {
  it('SEND-01 opens no more connections to a destination at once than the queue would', async () => {
    const { script, seen } = counting();
    await using lab = await startLab({ hosts: { mx1: { address: '127.0.13.1', script } }, records: one });
    const sends = Array.from({ length: 60 }, (_, i) => lab.broker.send({ ...message, to: `u${i}@one.test` }));
    const outcomes = (await Promise.all(sends)).flat();
    await lab.broker.close();
    expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 60 }, () => 'delivered'));
    expect(seen.most).toBeLessThanOrEqual(20);
    expect(lab.hosts.mx1!.sessions.length).toBeLessThanOrEqual(20);
  });

  it('SEND-02 shares connections between calls, and close() ends them', async () => {
    await using lab = await startLab({ hosts: { mx1: { address: '127.0.13.1' } }, records: one });
    for (let i = 0; i < 5; i++) {
      const outcomes = await lab.broker.send({ ...message, to: `u${i}@one.test` });
      expect(outcomes).toMatchObject([{ status: 'delivered' }]);
    }
    expect(lab.hosts.mx1!.sessions.length).toBe(1);
    await lab.broker[Symbol.asyncDispose]();
    await lab.broker.send({ ...message, to: 'late@one.test' });
    expect(lab.hosts.mx1!.sessions.length).toBe(2);
  });

  it('SEND-07 closes a connection that is idle for idleConnectionMs', async () => {
    await using lab = await startLab({ hosts: { mx1: { address: '127.0.13.1' } }, records: one });
    const options = { ...lab.options, delivery: { ...lab.options.delivery, idleConnectionMs: 50 } };
    await using broker = new MailBroker(options);
    await broker.send({ ...message, to: 'a@one.test' });
    await expect.poll(() => lab.hosts.mx1!.sessions[0]!.commands.at(-1)).toBe('QUIT');
  });

  it('SEND-02 connects again when the host has hung up in between', async () => {
    await using lab = await startLab({
      hosts: {
        mx1: { address: '127.0.13.1', script: { content: { code: 250, text: 'Ok', after: 'close' } } },
      },
      records: one,
    });
    for (let i = 0; i < 3; i++) {
      const outcomes = await lab.broker.send({ ...message, to: `u${i}@one.test` });
      expect(outcomes).toMatchObject([{ status: 'delivered' }]);
    }
    expect(lab.hosts.mx1!.sessions.length).toBe(3);
    await lab.broker.close();
  });

  it('SEND-03 shares no connection between two users of one relay', async () => {
    const users = { first: 'secret-1', second: 'secret-2' };
    await using lab = await startLab({
      hosts: { relay: { address: '127.0.13.1', tls: true, auth: { users } } },
    });
    const routeAs = (user: keyof typeof users) =>
      ({
        type: 'smarthost',
        host: 'relay.test',
        port: lab.port,
        auth: { user, password: users[user] },
      }) as const;
    const routes = { '.one.test': routeAs('first'), 'two.test': routeAs('second') };
    const broker = new MailBroker({ ...lab.options, delivery: { ...lab.options.delivery, routes } });
    for (const to of ['a@x.one.test', 'b@two.test', 'c@x.one.test', 'd@two.test']) {
      expect(await broker.send({ ...message, to })).toMatchObject([{ status: 'delivered' }]);
    }
    expect(lab.hosts.relay!.sessions.length).toBe(2);
    await broker.close();
  });

  it('SEND-04 leaves nothing behind that keeps the process from ending, with TLS and without', async () => {
    for (const tls of [false, true]) {
      await using lab = await startLab({ hosts: { mx1: { address: '127.0.13.1', tls } }, records: one });
      const index = fileURLToPath(new URL('../../src/index.ts', import.meta.url));
      const options = { ...lab.options, delivery: { ...lab.options.delivery, idleConnectionMs: 600_000 } };
      const program = `
        import { MailBroker } from ${JSON.stringify(index)};
        const broker = new MailBroker(${JSON.stringify(options)});
        for (const to of ['a@one.test', 'b@one.test']) {
          const [outcome] = await broker.send({ from: 'ann@sender.test', to, text: 'Hello' });
          console.log(outcome.status);
        }`;
      const child = startNode(['--conditions=@mb/source', '--input-type=module', '--eval', program]);
      let said = '';
      child.stdout.on('data', (octets) => {
        said += octets;
      });
      const code = await new Promise((resolve) => {
        const patience = setTimeout(() => {
          child.kill();
          resolve('it does not end');
        }, 20_000);
        child.on('exit', (status) => {
          clearTimeout(patience);
          resolve(status);
        });
      });
      expect([code, said.trim().split('\n')]).toEqual([0, ['delivered', 'delivered']]);
      expect(lab.hosts.mx1!.sessions.length).toBe(1);
    }
  });
});

describe('sendMany()', () => {
  it('SEND-05 SEND-06 takes messages as they can be sent, and gives what became of each', async () => {
    await using lab = await startLab({
      hosts: { mx1: { address: '127.0.13.1' } },
      records: one,
      broker: { delivery: { concurrency: 4 } },
    });
    let given = 0;
    let done = 0;
    let ahead = 0;
    async function* newsletter() {
      for (let i = 0; i < 30; i++) {
        ahead = Math.max(ahead, ++given - done);
        yield { ...message, to: i === 7 ? 'no address' : `u${i}@one.test` };
      }
    }
    const seen = new Map<number, string>();
    for await (const { index, outcomes, error, message: sent } of lab.broker.sendMany(newsletter())) {
      done++;
      seen.set(index, error ? 'error' : outcomes!.map(({ status }) => status).join());
      expect(sent.to).toBe(index === 7 ? 'no address' : `u${index}@one.test`);
    }
    expect(seen.size).toBe(30);
    expect([...seen].filter(([, what]) => what !== 'delivered')).toEqual([[7, 'error']]);
    expect(ahead).toBeLessThanOrEqual(6);
    await lab.broker.close();
  });

  it('SEND-05 ends the source when no more is wanted, and passes its failure on after the rest', async () => {
    await using lab = await startLab({ hosts: { mx1: { address: '127.0.13.1' } }, records: one });
    let returned = false;
    function* endless() {
      try {
        for (let i = 0; ; i++) yield { ...message, to: `u${i}@one.test` };
      } finally {
        returned = true;
      }
    }
    for await (const { outcomes } of lab.broker.sendMany(endless())) {
      expect(outcomes).toMatchObject([{ status: 'delivered' }]);
      break;
    }
    expect(returned).toBe(true);
    async function* failing() {
      yield { ...message, to: 'a@one.test' };
      throw new Error('no more');
    }
    const seen: unknown[] = [];
    const all = async () => {
      for await (const { outcomes } of lab.broker.sendMany(failing())) seen.push(outcomes);
    };
    await expect(all()).rejects.toThrow('no more');
    expect(seen.length).toBe(1);
    await lab.broker.close();
  });
});
