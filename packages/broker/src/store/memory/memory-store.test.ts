import { VirtualClock } from '@mb/testkit';
import { describe, expect, it, vi } from 'vitest';
import { draft } from '../conformance/harness.ts';
import { type OpenStore, storeConformance } from '../conformance/index.ts';
import { MemoryStore } from './memory-store.ts';

const open: OpenStore = async (options) => {
  const clock = new VirtualClock();
  const store = new MemoryStore({ ...options, clock });
  await store.open();
  return { store, advance: (ms) => clock.advance(ms), dispose: () => store.close() };
};

describe('SITE-05 SAFE-01 REC-01 REC-02 REC-04 REC-03 STAGE-01 STAGE-10 STAGE-09 TRN-01 TRN-02 TRN-03 TRN-04 TRN-05 TRN-06 TRN-07 Q-20 Q-85 Q-21 Q-86 Q-22 Q-87 Q-140 Q-141 Q-142 Q-143 PRI-01 PRI-02 the memory store', () => {
  for (const { name, needs, run } of storeConformance) if (!needs) it(name, () => run(open));

  it('refuses a transaction, because it cannot join one', async () => {
    const store = new MemoryStore();
    const accepting = store.accept(draft('a@example.net'), { transaction: {} as never });
    await expect(accepting).rejects.toMatchObject({ code: 'MB_BROKER_TRANSACTION_UNSUPPORTED' });
  });

  it('reads no other alias when it is given one', async () => {
    const store = new MemoryStore();
    for (let i = 0; i < 10; i++) await store.alias(`d${i}.example.net`, 'site', 1000);
    const iterate = vi.spyOn(Map.prototype, Symbol.iterator);
    await store.alias('example.net', 'site', 1000);
    const count = iterate.mock.calls.length;
    iterate.mockRestore();
    expect(count).toBe(0);
  });

  it('ROLE-06 is closed when it is disposed of', async () => {
    const store = new MemoryStore();
    {
      await using _ = store;
    }
    await expect(store.stats()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_CLOSED' });
  });

  it('refuses calls after it was closed', async () => {
    const store = new MemoryStore();
    await store.close();
    await expect(store.accept(draft('a@example.net'))).rejects.toMatchObject({
      code: 'MB_BROKER_STORE_CLOSED',
    });
  });
});
