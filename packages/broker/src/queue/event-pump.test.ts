import { describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import type { QueueEvent } from '../store/queue-event.ts';
import { pumpEvents } from './event-sink.ts';

const event = (cursor: number, messageId: string, more: Partial<QueueEvent> = {}): QueueEvent => ({
  cursor: String(cursor),
  type: 'delivered',
  at: cursor,
  messageId,
  tenant: '',
  attempt: 1,
  ...more,
});

/** Events, and then none until the signal fires. */
async function* streamOf(events: readonly QueueEvent[], signal: AbortSignal) {
  yield* events;
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** A clock on which a second takes a millisecond. */
const clock = {
  setTimer: (callback: () => void, delayMs: number) => systemClock.setTimer(callback, delayMs / 1000),
};

describe('pumpEvents', () => {
  it('WHK-18 WHK-27 WHK-29 a slow event holds up its own message only, and the cursor', async () => {
    const end = new AbortController();
    const { signal } = end;
    const slow = Promise.withResolvers<void>();
    const seen: string[] = [];
    const saved: string[] = [];
    const events = [event(1, 'a'), event(2, 'a'), event(3, 'b'), event(4, 'c')];
    const running = pumpEvents(
      streamOf(events, signal),
      async ({ cursor }) => {
        if (cursor === '1') await slow.promise;
        seen.push(cursor);
      },
      { signal, saveCursor: (cursor) => void saved.push(cursor) },
      clock,
    );
    await expect.poll(() => seen).toEqual(['3', '4']);
    expect(saved).toEqual([]);
    slow.resolve();
    await expect.poll(() => saved.at(-1)).toBe('4');
    expect(seen).toEqual(['3', '4', '1', '2']);
    end.abort();
    await running;
  });

  it('WHK-18 an event that fails comes again before the next one of its message', async () => {
    const end = new AbortController();
    const { signal } = end;
    const seen: string[] = [];
    const delays: number[] = [];
    let failures = 3;
    const running = pumpEvents(
      streamOf([event(1, 'a'), event(2, 'a')], signal),
      ({ cursor }) => {
        seen.push(cursor);
        if (cursor === '1' && failures-- > 0) throw new Error('not now');
      },
      { signal, onRetry: (_error, _event, delayMs) => delays.push(delayMs) },
      clock,
    );
    await expect.poll(() => seen).toEqual(['1', '1', '1', '1', '2']);
    expect(delays).toEqual([1_000, 2_000, 4_000]);
    end.abort();
    await running;
  });

  it('WHK-27 no more messages than were asked for are under way', async () => {
    const end = new AbortController();
    const { signal } = end;
    let running = 0;
    let most = 0;
    let count = 0;
    const pumping = pumpEvents(
      streamOf(
        Array.from({ length: 50 }, (_, i) => event(i + 1, `m${i}`)),
        signal,
      ),
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        count++;
      },
      { signal, concurrency: 3 },
      clock,
    );
    await expect.poll(() => count).toBe(50);
    expect(most).toBe(3);
    end.abort();
    await pumping;
  });

  it('WHK-28 WHK-29 a filter leaves out what it does not name, and the cursor goes past it', async () => {
    const end = new AbortController();
    const { signal } = end;
    const seen: string[] = [];
    const saved: string[] = [];
    const others = Array.from({ length: 1_000 }, (_, i) => event(i + 4, 'x', { type: 'attempted' }));
    const events = [
      event(1, 'a', { type: 'failed', tenant: 'shop', address: 'bob@One.Test', tag: 'news' }),
      event(2, 'b', { type: 'failed', tenant: 'bank', address: 'bob@one.test', tag: 'news' }),
      event(3, 'c', { type: 'failed', tenant: 'shop', address: 'bob@two.test', tag: 'news' }),
    ];
    const running = pumpEvents(
      streamOf([...events, ...others], signal),
      ({ cursor }) => void seen.push(cursor),
      {
        signal,
        filter: { types: ['failed'], tenant: 'shop', domains: ['one.test'], tags: ['news'] },
        saveCursor: (cursor) => void saved.push(cursor),
      },
      clock,
    );
    await expect.poll(() => Number(saved.at(-1))).toBeGreaterThan(900);
    expect(seen).toEqual(['1']);
    end.abort();
    await running;
  });

  it('WHK-29 a handler that ignores the signal is waited for, and its event is not saved', async () => {
    const end = new AbortController();
    const { signal } = end;
    const saved: string[] = [];
    const ended: string[] = [];
    const pumping = pumpEvents(
      streamOf([event(1, 'a')], signal),
      async () => {
        end.abort();
        await new Promise((resolve) => setTimeout(resolve, 5));
        ended.push('1');
      },
      { signal, saveCursor: (cursor) => void saved.push(cursor) },
      clock,
    );
    await pumping;
    expect([ended, saved]).toEqual([['1'], []]);
  });
});
