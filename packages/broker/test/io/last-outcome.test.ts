import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { MemoryStore, type Settlement } from '../../src/index.ts';
import { startLab } from '../lab.ts';

/** A store that notes what is settled; asking it for more recipients of a claim fails when told to. */
class NotingStore extends MemoryStore {
  readonly settled: Settlement[] = [];
  failing = false;

  override settle(settlement: Settlement) {
    this.settled.push(settlement);
    return super.settle(settlement);
  }

  override claimMore(...given: Parameters<MemoryStore['claimMore']>) {
    return this.failing ? Promise.reject(new Error('The database went away.')) : super.claimMore(...given);
  }
}

it.each([false, true])(
  'Q-24 writes the last outcome of a claim down with the end of its lease; asking for more fails: %s',
  async (failing) => {
    const store = new NotingStore();
    store.failing = failing;
    await using lab = await startLab({
      hosts: { mx: { address: '127.0.43.1' } },
      records: { one: { MX: '10 mx.test' } },
      broker: { store },
    });
    const { broker } = lab;
    const { id } = await broker.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
    broker.start();
    for (let turn = 0; turn < 200; turn++) {
      if ((await broker.queue.list({ all: true })).rows[0]?.state === 'delivered') break;
      await setTimeout(20);
    }
    await broker.stop();
    const outcomes = store.settled.flatMap((settlement) => settlement.outcomes);
    expect(outcomes).toMatchObject([{ status: 'delivered' }]);
    expect(store.settled.filter(({ outcomes: [first], release }) => first && release)).toHaveLength(
      failing ? 0 : 1,
    );
    expect(await store.inspect(id!)).toMatchObject({ recipients: [{ state: 'delivered', attempts: 1 }] });
  },
);
