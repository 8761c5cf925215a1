import { MemoryStore, type QueueEvent, type QueueEventType, type Records } from '@mb/broker';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeriesCollector } from '../src/series/collector.ts';
import { classOf, timeWithin } from '../src/series/counts.ts';
import { resolutions } from '../src/series/resolution.ts';
import { readSeries } from '../src/series/series.ts';
import { startService } from './service.ts';

const begin = Date.parse('2026-03-01T23:40:30Z');

/** A log in memory, and records that fail when told to. */
class Log {
  readonly events: QueueEvent[] = [];
  readonly store = new MemoryStore();
  failAfter = Number.POSITIVE_INFINITY;

  add(type: QueueEventType, at: number, more: Partial<QueueEvent> = {}): void {
    const cursor = String(this.events.length + 1);
    this.events.push({ cursor, type, at, messageId: '1', tenant: '', attempt: 1, ...more });
  }

  get broker() {
    return { queue: { events: this.#read } as never, records: this.#records };
  }

  readonly #read = async ({ after = '0', limit = 100 }: { after?: string; limit?: number }) => {
    const events = this.events.slice(Number(after), Number(after) + limit);
    return { events, cursor: events.at(-1)?.cursor ?? after };
  };

  get #records(): Records {
    const { records } = this.store;
    const write = <Result>(work: () => Promise<Result>): Promise<Result> => {
      if (this.failAfter-- > 0) return work();
      this.failAfter = Number.POSITIVE_INFINITY;
      return Promise.reject(new Error('the process was killed here'));
    };
    return {
      get: (...args) => records.get(...args),
      list: (...args) => records.list(...args),
      changes: (...args) => records.changes(...args),
      put: (...args) => write(() => records.put(...args)),
      delete: (...args) => write(() => records.delete(...args)),
    };
  }
}

function collector(log: Log, owner = 'one', now: () => number = () => begin): SeriesCollector {
  return new SeriesCollector({ broker: log.broker, now, owner, onError: () => {} });
}

async function countAll(log: Log): Promise<void> {
  const one = collector(log);
  for (;;) {
    try {
      if (!(await one.count())) return;
    } catch (error) {
      expect((error as Error).message).toBe('the process was killed here');
    }
  }
}

describe('counting events', () => {
  it('SRV-54 each event is counted once in minutes, quarter-hours and days, whatever write fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            afterMs: fc.integer({ min: 0, max: 2_000_000 }),
            tenant: fc.constantFrom('', 'a', 'b'),
          }),
          {
            minLength: 1,
            maxLength: 80,
          },
        ),
        fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 5 }),
        async (steps, failures) => {
          const log = new Log();
          let at = begin;
          for (const { afterMs, tenant } of steps) {
            at += afterMs;
            log.add('delivered', at, { tenant, address: 'x@one.test', detail: { acceptedAt: at - 1000 } });
          }
          for (const failure of failures) {
            log.failAfter = failure;
            await countAll(log);
          }
          log.failAfter = Number.POSITIVE_INFINITY;
          await countAll(log);
          for (const resolution of ['minute', 'quarter-hour', 'day'] as const) {
            // What is no longer kept is not asked for.
            const from = Math.max(
              begin,
              at - resolutions[resolution].keepMs + resolutions[resolution].spanMs,
            );
            const wanted = log.events.filter(
              (event) =>
                event.at >=
                Math.floor(from / resolutions[resolution].spanMs) * resolutions[resolution].spanMs,
            );
            const { total, points, domains } = await readSeries(log.store.records, {
              resolution,
              from,
              to: at,
            });
            expect(total.delivered ?? 0).toBe(wanted.length);
            expect(points.reduce((sum, { counts }) => sum + (counts.delivered ?? 0), 0)).toBe(wanted.length);
            expect(domains['one.test']?.delivered ?? 0).toBe(wanted.length);
            const ofA = await readSeries(log.store.records, { resolution, from, to: at, tenant: 'a' });
            expect(ofA.total.delivered ?? 0).toBe(wanted.filter(({ tenant }) => tenant === 'a').length);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('SRV-139 of two processes one counts; the other goes on when the first is gone', async () => {
    const log = new Log();
    let time = begin;
    const [first, second] = [collector(log, 'one', () => time), collector(log, 'two', () => time)];
    log.add('accepted', begin);
    await first.count();
    log.add('accepted', begin + 1);
    await second.count();
    const total = async () =>
      (await readSeries(log.store.records, { resolution: 'minute', from: begin, to: begin })).total.accepted;
    expect(await total()).toBe(1);
    time += 16_000;
    await second.count();
    expect(await total()).toBe(2);
    // The first one was only slow.
    await first.count();
    expect(await total()).toBe(2);
  });

  it('SRV-140 minutes older than two hours go, and their quarter-hours stay', async () => {
    const log = new Log();
    for (let minute = 0; minute < 300; minute++) log.add('failed', begin + minute * 60_000);
    await countAll(log);
    const { rows } = await log.store.records.list('series', { prefix: 'minute/', limit: 1000 });
    expect(rows.length).toBeLessThanOrEqual(121);
    const range = { from: begin, to: begin + 300 * 60_000 };
    expect((await readSeries(log.store.records, { resolution: 'quarter-hour', ...range })).total.failed).toBe(
      300,
    );
    expect((await readSeries(log.store.records, { resolution: 'day', ...range })).total.failed).toBe(300);
  });

  it('SRV-141 many tenants and domains stay within a record', async () => {
    const log = new Log();
    for (let n = 0; n < 3000; n++) {
      const address = `x@${'d'.repeat(40)}${n}.test`;
      log.add('delivered', begin, {
        tenant: `tenant-${n}`,
        address,
        detail: { acceptedAt: begin - n * 1000 },
      });
    }
    await countAll(log);
    const { total, domains } = await readSeries(log.store.records, {
      resolution: 'day',
      from: begin,
      to: begin,
    });
    expect(total.delivered).toBe(3000);
    expect(Object.keys(domains)).toHaveLength(100);
  });

  it('SRV-142 the busiest names are kept where all of them would not fit into a record', async () => {
    const log = new Log();
    const name = (n: number) => `${'n'.repeat(200)}${n}`;
    for (let n = 0; n < 100; n++) {
      // Times of all classes, so that each name takes as much as it can.
      for (let ms = 50, count = 0; count < 40; ms *= 1.5, count++) {
        const detail = { acceptedAt: begin - ms };
        for (let times = 0; times < (n < 5 ? 2 : 1); times++) {
          log.add('delivered', begin, { tenant: name(n), address: `x@${name(n)}.test`, detail });
        }
      }
    }
    await countAll(log);
    const range = { from: begin, to: begin };
    const { total, domains } = await readSeries(log.store.records, { resolution: 'day', ...range });
    expect(total.delivered).toBe(105 * 40);
    for (let n = 0; n < 5; n++) expect(domains[`${name(n)}.test`]?.delivered).toBe(80);
    const one = await readSeries(log.store.records, { resolution: 'day', ...range, tenant: name(0) });
    expect(one.total.delivered).toBe(80);
  });

  it('SRV-143 the time within which a share of the deliveries came is exact to 20 percent', () => {
    for (let ms = 50; ms < 5 * 86_400_000; ms *= 1.03) {
      const found = timeWithin({ [classOf(ms)]: 1 }, 0.5)!;
      expect(Math.abs(found / ms - 1), `${ms}`).toBeLessThan(0.2);
    }
    expect(timeWithin({ [classOf(1)]: 1 }, 0.5)).toBeLessThanOrEqual(50);
    expect(timeWithin({ [classOf(100)]: 94, [classOf(60_000)]: 6 }, 0.5)).toBeLessThan(200);
    expect(timeWithin({ [classOf(100)]: 94, [classOf(60_000)]: 6 }, 0.95)).toBeGreaterThan(50_000);
  });
});

describe('GET /v1/stats', () => {
  it('SRV-55 SRV-144 shows deliveries and how long they took within seconds, to each tenant its own', async () => {
    await using service = await startService({ host: 12 });
    const all = await service.withKey();
    const shop = await service.withKey({ tenant: 'shop' });
    await all('POST', '/v1/messages', { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
    service.broker.start();
    await expect
      .poll(async () => (await all('GET', '/v1/stats')).body.total, { timeout: 8000 })
      .toMatchObject({ accepted: 1, delivered: 1, failed: 0, timeToDelivery: { p50Ms: expect.any(Number) } });
    const { body } = await all('GET', '/v1/stats');
    expect(body.points).toHaveLength(60);
    expect(body.domains['one.test']).toMatchObject({ delivered: 1 });
    const other = await shop('GET', '/v1/stats');
    expect(other.body.total).toMatchObject({ accepted: 0, delivered: 0 });
    expect(other.body).not.toHaveProperty('domains');
    expect((await all('GET', '/v1/stats?resolution=day')).body.total).toMatchObject({ delivered: 1 });
  });

  it('SRV-145 refuses ranges that are reversed or too long', async () => {
    await using service = await startService({ host: 12 });
    const call = await service.withKey();
    const wrong = [
      'from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z',
      'from=2020-01-01T00:00:00Z',
      'resolution=hour',
      'from=x',
    ];
    for (const query of wrong) expect((await call('GET', `/v1/stats?${query}`)).status, query).toBe(422);
  });
});
