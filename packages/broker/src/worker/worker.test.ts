import { createSeededRandom, VirtualClock } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { days, draft, hours, minutes } from '../store/conformance/harness.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import type { ClaimedMessage, NewMessage, QueueStore, StoreOptions } from '../store/port.ts';
import type { Attempt, AttemptOutcome, AttemptReport, WorkerOptions } from './worker.ts';
import { QueueWorker } from './worker.ts';

interface Bench {
  readonly clock: VirtualClock;
  readonly store: MemoryStore;
  readonly worker: QueueWorker;
  readonly errors: unknown[];
  /** Every attempt: address, number, and when. */
  readonly attempts: { address: string; attempt: number; at: number }[];
  accept(addresses: string | readonly string[], more?: Partial<NewMessage>): Promise<string>;
  states(messageId: string): Promise<string[]>;
  eventTypes(): Promise<string[]>;
}

/** The outcome of a recipient; undefined when the attempt does not name it. */
type ScriptedOutcome = AttemptOutcome extends infer Each
  ? Each extends AttemptOutcome
    ? Omit<Each, 'recipientId'>
    : never
  : never;
type Script = (address: string, attempt: number) => ScriptedOutcome | undefined;

function idsOf(messages: readonly ClaimedMessage[]): string[] {
  return messages.flatMap((message) => message.recipients.map(({ recipientId }) => recipientId));
}

function reportAll(
  messages: readonly ClaimedMessage[],
  status: 'delivered' | 'failed' | 'deferred',
): AttemptReport {
  return { outcomes: idsOf(messages).map((recipientId) => ({ recipientId, status })) };
}

/** An attempt that does what `script` says about each recipient. */
function scripted(script: Script): Attempt {
  return async (claim) => {
    const recipients = claim.messages.flatMap((message) => message.recipients);
    const outcomes = recipients.flatMap(({ recipientId, address, attempt }): AttemptOutcome[] => {
      const outcome = script(address, attempt);
      return outcome ? [{ ...outcome, recipientId }] : [];
    });
    const attempted = outcomes.some(({ status }) => status !== 'unattempted');
    return { outcomes, ...(attempted && { feedback: { kind: 'succeeded' } }) };
  };
}

/** A worker over a memory store in virtual time. */
function bench(
  attempt: Attempt,
  options: Partial<WorkerOptions> & { limits?: StoreOptions['limits'] } = {},
): Bench {
  const { limits, ...workerOptions } = options;
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock, ...(limits && { limits }) });
  const attempts: Bench['attempts'] = [];
  const errors: unknown[] = [];
  const recording: Attempt = (claim, context) => {
    for (const { address, attempt: number } of claim.messages.flatMap(({ recipients }) => recipients)) {
      attempts.push({ address, attempt: number, at: clock.now() });
    }
    return attempt(claim, context);
  };
  const worker = new QueueWorker({
    store,
    attempt: recording,
    clock,
    random: createSeededRandom(1).random,
    name: 'w1',
    onError: (error) => errors.push(error),
    ...workerOptions,
  });
  return {
    clock,
    store,
    worker,
    errors,
    attempts,
    accept: async (addresses, more) => (await store.accept(draft(addresses, more))).messageId,
    states: async (messageId) => (await store.inspect(messageId))!.recipients.map(({ state }) => state),
    eventTypes: async () => (await store.events(undefined, 1000)).events.map(({ type }) => type),
  };
}

describe('a worker', () => {
  it('delivers what is accepted before and after it starts, to every site', async () => {
    const { accept, clock, states, worker } = bench(scripted(() => ({ status: 'delivered' })));
    const first = await accept(['a@one.test', 'b@two.test']);
    worker.start();
    await clock.advance(0);
    const second = await accept(['c@three.test', 'd@one.test']);
    await clock.advance(0);
    expect(await states(first)).toEqual(['delivered', 'delivered']);
    expect(await states(second)).toEqual(['delivered', 'delivered']);
    await worker.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('Q-02 has the attempt numbered in the store before it begins', async () => {
    const seen: unknown[] = [];
    let store!: MemoryStore;
    const attempt: Attempt = async (claim) => {
      const view = await store.inspect(claim.messages[0]!.messageId);
      seen.push(view?.recipients.map(({ attempts, inFlight, state }) => [attempts, inFlight, state]));
      return reportAll(claim.messages, 'delivered');
    };
    const context = bench(attempt, { slots: 1 });
    store = context.store;
    await context.accept('a@one.test');
    await context.accept('b@two.test');
    context.worker.start();
    await context.clock.advance(0);
    expect(seen).toEqual([[[1, true, 'queued']], [[1, true, 'queued']]]);
    await context.worker.stop();
  });

  it('Q-25 attempts at most four claims per slot whose outcomes are not written down', async () => {
    const context = bench(
      scripted(() => ({ status: 'delivered' })),
      { slots: 1 },
    );
    const original = context.store.settle.bind(context.store);
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    context.store.settle = async (settlement) => {
      await released;
      return original(settlement);
    };
    const ids: string[] = [];
    for (let at = 0; at < 10; at++) ids.push(await context.accept(`a@site${at}.test`));
    context.worker.start();
    await context.clock.advance(0);
    expect(context.attempts).toHaveLength(4);
    release();
    await context.clock.advance(0);
    expect(context.attempts).toHaveLength(10);
    for (const id of ids) expect(await context.states(id)).toEqual(['delivered']);
    await context.worker.stop();
  });

  it('gives back what the store hands out after it was told to stop, and waits for that', async () => {
    const attempt: Attempt = async (claim, { stopping }) =>
      stopping.aborted ? { outcomes: [] } : reportAll(claim.messages, 'delivered');
    const context = bench(attempt);
    const original = context.store.claimSites.bind(context.store);
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      context.store.claimSites = async (...request) => {
        resolve();
        await new Promise<void>((go) => {
          answer = go;
        });
        return original(...request);
      };
    });
    const id = await context.accept('a@one.test');
    context.worker.start();
    await asked;
    const stopped = context.worker.stop();
    answer();
    await stopped;
    expect(context.worker.activeClaims).toBe(0);
    expect(await context.states(id)).toEqual(['queued']);
    expect((await context.store.stats()).inFlight).toBe(0);
  });

  it('Q-04 Q-51 Q-29 Q-60 tries after 5 minutes ± 10 %, doubling to 4 hours, notes the delay at 4 hours, expires at 5 days', async () => {
    const context = bench(scripted(() => ({ status: 'deferred' })));
    const id = await context.accept('a@example.net');
    const start = context.clock.now();
    context.worker.start();
    await context.clock.advance(days(5) - 1);
    expect(await context.states(id)).toEqual(['queued']);
    const gaps = context.attempts.slice(1).map(({ at }, i) => at - context.attempts[i]!.at);
    expect(context.attempts[0]?.at).toBe(start);
    for (const [i, gap] of gaps.entries()) {
      const nominal = Math.min(minutes(5) * 2 ** i, hours(4));
      expect(gap).toBeGreaterThanOrEqual(nominal * 0.9);
      expect(gap).toBeLessThanOrEqual(nominal * 1.1 + 25);
    }
    expect(gaps.length).toBeGreaterThan(30);
    expect(new Set(gaps.slice(8)).size).toBeGreaterThan(5);
    await context.clock.advance(25);
    expect(await context.states(id)).toEqual(['expired']);
    const { events } = await context.store.events(undefined, 1000);
    const delayed = events.filter(({ type }) => type === 'delayed');
    expect(delayed.map(({ at }) => at - start)).toEqual([hours(4)]);
    expect(events.at(-1)).toMatchObject({ type: 'expired', at: start + days(5) });
    await context.worker.stop();
  });

  it('Q-30 follows the message’s own schedule and lifetime, and a delay that the host named', async () => {
    const context = bench(
      scripted((address, attempt) => {
        if (address !== 'named@example.net') return { status: 'deferred' };
        return attempt === 1 ? { status: 'deferred', serverDelayMs: 120_000 } : { status: 'delivered' };
      }),
    );
    await context.accept('own@example.net', {
      schedule: { firstMs: 1000, factor: 1, jitter: 0 },
      expireAfterMs: 10_000,
      delayNoticeAfterMs: null,
    });
    await context.accept('named@example.net');
    const start = context.clock.now();
    context.worker.start();
    await context.clock.advance(days(1));
    const timesOf = (address: string) =>
      context.attempts.filter((each) => each.address === address).map(({ at }) => at - start);
    expect(timesOf('own@example.net')).toEqual([0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000]);
    const [, second] = timesOf('named@example.net');
    expect(second).toBeGreaterThanOrEqual(120_000);
    expect(second).toBeLessThanOrEqual(132_025);
    expect(await context.eventTypes()).toContain('expired');
    await context.worker.stop();
  });

  it('Q-05 expires mail of suspended, paused, full and never attempted sites, in flight as soon as it returns', async () => {
    const never: Attempt = (_claim, { signal }) => {
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ outcomes: [] })));
    };
    const context = bench(never, { slots: 2, limits: { startConcurrency: 1, maxConcurrency: 1 }, batch: 1 });
    const short = { expireAfterMs: hours(1), delayNoticeAfterMs: null };
    await context.store.setSite('suspended.test', { suspended: true });
    await context.store.setSite('paused.test', { pauseMs: days(9) });
    const suspended = await context.accept('a@suspended.test', short);
    const paused = await context.accept('a@paused.test', short);
    const inFlight = await context.accept('a@full.test', short);
    const behind = await context.accept('b@full.test', short);
    await context.accept('a@other.test', short);
    const noSlot = await context.accept('a@noslot.test', short);
    context.worker.start();
    await context.clock.advance(hours(1) + 1100);
    for (const id of [suspended, paused, behind, noSlot])
      expect(await context.states(id)).toEqual(['expired']);
    expect(await context.states(inFlight)).toEqual(['queued']);
    const stopping = context.worker.stop({ graceMs: 0 });
    await context.clock.advance(0);
    await stopping;
    context.worker.start();
    await context.clock.advance(50);
    expect(await context.states(inFlight)).toEqual(['expired']);
    await context.worker.stop();
  });

  it('Q-06 Q-32 spends no attempt on trouble of our own, and does not hold it against the site', async () => {
    let trouble = true;
    const context = bench(scripted(() => (trouble ? { status: 'unattempted' } : { status: 'delivered' })));
    const id = await context.accept('a@example.net');
    context.worker.start();
    await context.clock.advance(hours(1));
    expect(context.attempts.length).toBeGreaterThan(50);
    expect(new Set(context.attempts.map(({ attempt }) => attempt))).toEqual(new Set([1]));
    const view = await context.store.inspect(id);
    expect(view?.recipients[0]).toMatchObject({ attempts: 0, state: 'queued' });
    expect((await context.store.stats()).sites[0]).toMatchObject({ concurrency: 5 });
    trouble = false;
    await context.clock.advance(minutes(2));
    expect(context.attempts.at(-1)?.attempt).toBe(1);
    expect(await context.states(id)).toEqual(['delivered']);
    await context.worker.stop();
  });

  it('returns recipients that an attempt did not name, and defers all of an attempt that throws', async () => {
    const context = bench(
      scripted((address) => {
        if (address.startsWith('silent')) return undefined;
        throw new Error('a bug');
      }),
    );
    const thrown = await context.accept('thrown@one.test');
    const silent = await context.accept('silent@two.test');
    context.worker.start();
    await context.clock.advance(0);
    expect(context.errors.map(String)).toEqual(['Error: a bug']);
    const view = (await context.store.inspect(thrown))!.recipients[0]!;
    expect(view).toMatchObject({ state: 'queued', attempts: 1, detail: { reason: 'internal-error' } });
    expect(view.dueAt! - context.clock.now()).toBeGreaterThan(minutes(4));
    await context.store.cancel({ messageId: silent });
    await context.clock.advance(100);
    expect(await context.states(silent)).toEqual(['cancelled']);
    await context.worker.stop();
  });

  it('does what the message says with unknown outcomes', async () => {
    const context = bench(scripted(() => ({ status: 'unknown', detail: { maybeDelivered: true } })));
    const retry = await context.accept('a@one.test');
    const hold = await context.accept('a@two.test', { onUnknown: 'hold' });
    const report = await context.accept('a@three.test', { onUnknown: 'report' });
    context.worker.start();
    await context.clock.advance(0);
    expect(await context.states(retry)).toEqual(['queued']);
    expect(await context.states(hold)).toEqual(['held']);
    expect(await context.states(report)).toEqual(['unknown']);
    await context.clock.advance(minutes(6));
    expect(context.attempts.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 2]);
    await context.worker.stop();
  });

  it('groups domains under the site that is found for them, which then shares its limits', async () => {
    let open = 0;
    let most = 0;
    const sites: string[] = [];
    let clock!: VirtualClock;
    const attempt: Attempt = async (claim) => {
      sites.push(claim.site);
      most = Math.max(most, ++open);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 1000));
      open--;
      return reportAll(claim.messages, 'delivered');
    };
    const lookups: string[] = [];
    const context = bench(attempt, {
      batch: 1,
      limits: { startConcurrency: 2, maxConcurrency: 2 },
      siteOf: async (domain) => {
        lookups.push(domain);
        if (domain === 'broken.test') throw new Error('SERVFAIL');
        return { site: 'mx:shared.test', ttlMs: 3_600_000, forAll: true };
      },
    });
    clock = context.clock;
    for (let i = 0; i < 6; i++) await context.accept([`u${i}@one.test`, `u${i}@two.test`]);
    await context.accept('a@broken.test');
    context.worker.start();
    await context.clock.advance(60_000);
    expect((await context.store.list({ state: 'delivered' })).rows.length).toBe(13);
    expect(new Set(sites)).toEqual(new Set(['mx:shared.test', 'broken.test']));
    expect(most).toBe(3);
    expect(new Set(context.attempts.map(({ attempt: number }) => number))).toEqual(new Set([1]));
    const before = lookups.length;
    await context.accept('later@one.test');
    await context.clock.advance(5000);
    expect(lookups.length).toBe(before);
    await context.worker.stop();
  });

  it('SITE-05 SITE-07 suspends a domain and no other, before and after its destination is known', async () => {
    const context = bench(async (claim) => reportAll(claim.messages, 'delivered'), {
      siteOf: async () => ({ site: 'mx:shared.test', ttlMs: 3_600_000, forAll: true }),
    });
    const { store, clock, worker } = context;
    const delivered = async () => {
      return (await store.list({ state: 'delivered' })).rows.map(({ address }) => address);
    };
    const suspended = async () => {
      const { sites } = await store.stats();
      return sites.filter((site) => site.suspended).map(({ site, queued }) => [site, queued]);
    };
    await store.setSite('one.test', { suspended: true });
    await context.accept(['first@one.test', 'first@two.test']);
    worker.start();
    await clock.advance(10_000);
    expect(await delivered()).toEqual(['first@two.test']);
    expect(await suspended()).toEqual([['one.test', 1]]);
    await store.setSite('one.test', { suspended: false });
    await clock.advance(10_000);
    expect(await delivered()).toEqual(['first@one.test', 'first@two.test']);
    // Both domains are known by their exchangers now.
    await store.setSite('one.test', { suspended: true });
    const recipients = ['second@one.test', 'second@two.test'].map((address) => {
      return { address, domain: address.slice(7), site: 'mx:shared.test' };
    });
    await store.accept(draft([], { recipients }));
    await context.accept(['third@one.test', 'third@two.test']);
    await clock.advance(10_000);
    expect(await delivered()).toEqual(expect.arrayContaining(['second@two.test', 'third@two.test']));
    expect((await delivered()).length).toBe(4);
    expect(await suspended()).toEqual([['one.test', 2]]);
    await store.setSite('one.test', { suspended: false });
    await clock.advance(10_000);
    expect((await delivered()).length).toBe(6);
    expect(new Set(context.attempts.map(({ attempt: number }) => number))).toEqual(new Set([1]));
    await worker.stop();
  });

  it('SITE-05 attempts a domain with limits of its own under these, beside the shared destination', async () => {
    const sites: string[] = [];
    let open = 0;
    let most = 0;
    const context = bench(
      async (claim) => {
        sites.push(claim.site);
        if (claim.site === 'one.test') most = Math.max(most, ++open);
        await new Promise<void>((resolve) => context.clock.setTimer(resolve, 1000));
        if (claim.site === 'one.test') open--;
        return reportAll(claim.messages, 'delivered');
      },
      { batch: 1, siteOf: async () => ({ site: 'mx:shared.test', ttlMs: 3_600_000, forAll: true }) },
    );
    const { store, worker, clock } = context;
    await store.alias('one.test', 'mx:shared.test', 3_600_000);
    await store.setSite('one.test', { limits: { maxConcurrency: 1 } });
    for (let i = 0; i < 6; i++) await context.accept([`u${i}@one.test`, `u${i}@two.test`]);
    worker.start();
    await clock.advance(30_000);
    expect((await store.list({ state: 'delivered' })).rows.length).toBe(12);
    expect(sites.filter((site) => site === 'one.test').length).toBe(6);
    expect(most).toBe(1);
    await worker.stop();
  });

  it('settles as it goes and takes more for the same connection', async () => {
    const claims: string[][] = [];
    const attempt: Attempt = async (claim, { settle, more }) => {
      const seen = idsOf(claim.messages);
      await settle(reportAll(claim.messages, 'delivered'));
      for (let next = await more(2); next.length > 0; next = await more(2)) {
        seen.push(...idsOf(next));
        await settle(reportAll(next, 'delivered'));
      }
      claims.push(seen);
      return { outcomes: [] };
    };
    const context = bench(attempt, { batch: 2 });
    for (let i = 0; i < 9; i++) await context.accept(`u${i}@example.net`);
    context.worker.start();
    await context.clock.advance(0);
    expect(claims.flat().length).toBe(9);
    expect((await context.store.list({ state: 'delivered' })).rows.length).toBe(9);
    await context.worker.stop();
  });

  it('Q-27 writes an outcome down while the rest of its claim is attempted', async () => {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const context = bench(async (claim, { settle }) => {
      const [first, ...rest] = claim.messages;
      await settle(reportAll([first!], 'delivered'));
      await ended;
      return reportAll(rest, 'delivered');
    });
    const ids = [await context.accept('a@example.net'), await context.accept('b@example.net')];
    const states = async () => (await Promise.all(ids.map((id) => context.states(id)))).flat();
    context.worker.start();
    await context.clock.advance(0);
    expect(await states()).toEqual(['delivered', 'queued']);
    end();
    await context.clock.advance(0);
    expect(await states()).toEqual(['delivered', 'delivered']);
    await context.worker.stop();
  });

  it('writes bounces down with the failures and expiries that cause them', async () => {
    const context = bench(
      scripted((address) => ({ status: address.startsWith('bad') ? 'failed' : 'delivered' })),
      {
        onFinalOutcomes: async (message, outcomes) => {
          if (message.sender === '') return {};
          const recipients = outcomes.map(({ recipientId }) => recipientId);
          const statuses = outcomes.map(({ status }) => status).join();
          return {
            bounces: [{ message: draft(`sender+${statuses}@example.com`, { sender: '' }), recipients }],
          };
        },
      },
    );
    await context.accept(['bad1@example.net', 'good@example.net', 'bad2@example.net']);
    await context.store.setSite('slow.test', { suspended: true });
    await context.accept('a@slow.test', { expireAfterMs: 1000 });
    context.worker.start();
    await context.clock.advance(3000);
    const delivered = (await context.store.list({ state: 'delivered' })).rows.map(({ address }) => address);
    expect(delivered.sort()).toEqual([
      'good@example.net',
      'sender+expired@example.com',
      'sender+failed,failed@example.com',
    ]);
    expect((await context.eventTypes()).filter((type) => type === 'bounced').length).toBe(3);
    await context.worker.stop();
  });

  it('writes the outcome down even when the bounce cannot be made or is refused', async () => {
    const context = bench(
      scripted(() => ({ status: 'failed' })),
      {
        onFinalOutcomes: async (message, outcomes) => {
          if (message.recipients[0]?.domain === 'one.test') throw new Error('no template');
          const recipients = outcomes.map(({ recipientId }) => recipientId);
          return { bounces: [{ message: draft([]), recipients }] };
        },
      },
    );
    const one = await context.accept('a@one.test');
    const two = await context.accept('a@two.test');
    context.worker.start();
    await context.clock.advance(0);
    expect([await context.states(one), await context.states(two)]).toEqual([['failed'], ['failed']]);
    expect(context.errors.length).toBe(2);
    await context.worker.stop();
  });
});

describe('a worker whose lease or store fails', () => {
  /** An attempt that ends when the test says so. */
  function controlled() {
    const running: {
      messages: readonly ClaimedMessage[];
      end(report: AttemptReport): void;
      stopping: AbortSignal;
    }[] = [];
    const attempt: Attempt = (claim, { stopping }) => {
      return new Promise((resolve) => running.push({ messages: claim.messages, end: resolve, stopping }));
    };
    return { running, attempt };
  }

  it('Q-03 Q-50 keeps its lease by heartbeats for as long as an attempt takes', async () => {
    const { running, attempt } = controlled();
    const context = bench(attempt);
    const id = await context.accept('a@example.net');
    context.worker.start();
    await context.clock.advance(hours(1));
    expect(running.length).toBe(1);
    expect(running[0]?.stopping.aborted).toBe(false);
    running[0]?.end(reportAll(running[0].messages, 'delivered'));
    await context.clock.advance(0);
    expect(await context.states(id)).toEqual(['delivered']);
    await context.worker.stop();
  });

  it('Q-03 Q-49 begins nothing new under a lost lease, and its late deferral changes nothing', async () => {
    const { running, attempt } = controlled();
    const context = bench(attempt);
    const id = await context.accept('a@example.net');
    context.worker.start();
    await context.clock.advance(1000);
    const heartbeat = context.store.heartbeat.bind(context.store);
    context.store.heartbeat = async () => {
      throw new Error('no route to the store');
    };
    await context.clock.advance(60_001);
    expect(running[0]?.stopping.aborted).toBe(true);
    expect(running.length).toBe(2);
    context.store.heartbeat = heartbeat;
    running[0]?.end(reportAll(running[0].messages, 'failed'));
    await context.clock.advance(0);
    expect(await context.states(id)).toEqual(['queued']);
    running[1]?.end(reportAll(running[1].messages, 'delivered'));
    await context.clock.advance(0);
    expect(await context.states(id)).toEqual(['delivered']);
    await context.worker.stop();
  });

  it('Q-48 Q-06 claims nothing while an outcome cannot be written down, and loses none', async () => {
    const context = bench(
      scripted(() => ({ status: 'delivered' })),
      { slots: 5 },
    );
    const settle = context.store.settle.bind(context.store);
    let failing = true;
    context.store.settle = async (settlement) => {
      if (failing) throw new Error('disk full');
      return settle(settlement);
    };
    const first = await context.accept('a@one.test');
    context.worker.start();
    await context.clock.advance(0);
    const second = await context.accept('b@two.test');
    await context.clock.advance(minutes(10));
    expect(context.attempts.length).toBe(1);
    expect(context.errors.length).toBeGreaterThan(10);
    expect(context.errors.length).toBeLessThan(60);
    failing = false;
    await context.clock.advance(minutes(1));
    expect([await context.states(first), await context.states(second)]).toEqual([
      ['delivered'],
      ['delivered'],
    ]);
    expect(context.attempts.length).toBe(2);
    await context.worker.stop();
  });

  it('claims again when a store that failed to claim works again', async () => {
    const context = bench(scripted(() => ({ status: 'delivered' })));
    const original = context.store.claimSites.bind(context.store);
    context.store.claimSites = async () => {
      throw new Error('connection refused');
    };
    const id = await context.accept('a@one.test');
    context.worker.start();
    await context.clock.advance(minutes(5));
    expect(context.errors.length).toBeLessThan(20);
    context.store.claimSites = original;
    await context.clock.advance(30_000);
    expect(await context.states(id)).toEqual(['delivered']);
    await context.worker.stop();
  });

  it('takes over the recipients of a worker that fell silent', async () => {
    const context = bench(scripted(() => ({ status: 'delivered' })));
    const id = await context.accept('a@example.net');
    await context.store.claim({ worker: 'gone', max: 1, leaseMs: 60_000 });
    context.worker.start();
    await context.clock.advance(59_999);
    expect(await context.states(id)).toEqual(['queued']);
    await context.clock.advance(100);
    expect(await context.states(id)).toEqual(['delivered']);
    expect(context.attempts).toMatchObject([{ attempt: 2 }]);
    await context.worker.stop();
  });

  it('Q-14 Q-54 Q-53 stops gracefully: nothing new, those under way may end, the rest resumes', async () => {
    const { running, attempt } = controlled();
    // Sites that are new get half of the slots.
    const context = bench(attempt, { slots: 4 });
    const ids = [];
    for (const site of ['one', 'two', 'three']) ids.push(await context.accept(`a@${site}.test`));
    context.worker.start();
    await context.clock.advance(0);
    expect(running.length).toBe(2);
    let stopped = false;
    const stopping = context.worker.stop({ graceMs: 10_000 }).then(() => {
      stopped = true;
    });
    expect(running.every((each) => each.stopping.aborted)).toBe(true);
    await context.clock.advance(5000);
    running[0]?.end(reportAll(running[0].messages, 'delivered'));
    await context.clock.advance(4999);
    expect([stopped, running.length]).toEqual([false, 2]);
    running[1]?.end({ outcomes: [] });
    await context.clock.advance(0);
    await stopping;
    const stats = await context.store.stats();
    expect([stats.inFlight, stats.queued]).toEqual([0, 2]);
    expect(clockIsQuiet(context.clock)).toBe(true);
    context.worker.start();
    await context.clock.advance(0);
    expect(running.length).toBe(4);
    for (const each of running) each.end(reportAll(each.messages, 'delivered'));
    await context.clock.advance(0);
    for (const id of ids) expect(await context.states(id)).toEqual(['delivered']);
    expect(context.attempts.every(({ attempt: number }) => number === 1)).toBe(true);
    await context.worker.stop();
  });

  it('Q-14 aborts what takes longer than the grace period, and abandons what ignores the abort', async () => {
    let aborted = 0;
    const deaf: Attempt = (_claim, { signal }) => {
      signal.addEventListener('abort', () => aborted++);
      return new Promise(() => {});
    };
    const context = bench(deaf);
    const id = await context.accept('a@example.net');
    context.worker.start();
    await context.clock.advance(0);
    const stopping = context.worker.stop({ graceMs: 1000 });
    await context.clock.advance(999);
    expect(aborted).toBe(0);
    await context.clock.advance(5001);
    await stopping;
    expect(aborted).toBe(1);
    await context.clock.advance(60_000);
    expect(await context.store.reap()).toBe(1);
    expect(await context.states(id)).toEqual(['queued']);
  });
});

function clockIsQuiet(clock: VirtualClock): boolean {
  return clock.pendingTimers === 0;
}

describe('a worker with a large queue', () => {
  it('Q-09 does not stampede after a start with 100,000 due recipients', async () => {
    let open = 0;
    let most = 0;
    const openBySite = new Map<string, number>();
    let mostBySite = 0;
    let clock!: VirtualClock;
    const attempt: Attempt = async (claim) => {
      most = Math.max(most, ++open);
      openBySite.set(claim.site, (openBySite.get(claim.site) ?? 0) + 1);
      mostBySite = Math.max(mostBySite, openBySite.get(claim.site)!);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 1000));
      open--;
      openBySite.set(claim.site, openBySite.get(claim.site)! - 1);
      return { ...reportAll(claim.messages, 'delivered') };
    };
    const context = bench(attempt, { slots: 40 });
    clock = context.clock;
    for (let i = 0; i < 100; i++) {
      await context.accept(Array.from({ length: 1000 }, (_, j) => `u${i}-${j}@site${j % 50}.test`));
    }
    context.worker.start();
    await context.clock.advance(10_000);
    expect(most).toBe(40);
    expect(mostBySite).toBeLessThanOrEqual(5);
    expect(context.attempts.length).toBeLessThanOrEqual(40 * 20 * 11);
    const stopping = context.worker.stop();
    await context.clock.advance(2000);
    await stopping;
  }, 30_000);

  it('Q-08 keeps serving others at once while one site is clogged', async () => {
    let clock!: VirtualClock;
    const attempt: Attempt = async (claim) => {
      if (claim.site === 'clogged.test')
        await new Promise<void>((resolve) => clock.setTimer(resolve, hours(1)));
      return reportAll(claim.messages, 'delivered');
    };
    const context = bench(attempt, { slots: 25 });
    clock = context.clock;
    for (let i = 0; i < 20; i++) {
      await context.accept(Array.from({ length: 1000 }, (_, j) => `u${i}-${j}@clogged.test`));
    }
    context.worker.start();
    await context.clock.advance(1000);
    for (let i = 0; i < 20; i++) {
      const acceptedAt = context.clock.now();
      const id = await context.accept(`u@fast${i}.test`);
      await context.clock.advance(5);
      expect(await context.states(id)).toEqual(['delivered']);
      const [at] = context.attempts.filter(({ address }) => address === `u@fast${i}.test`);
      expect(at!.at - acceptedAt).toBe(0);
    }
    const stopping = context.worker.stop({ graceMs: 0 });
    await context.clock.advance(6000);
    await stopping;
  });

  it('Q-42 neither floods nor freezes when the clock is set', async () => {
    const context = bench(
      scripted((_address, attempt) => ({ status: attempt < 3 ? 'deferred' : 'delivered' })),
    );
    const id = await context.accept(Array.from({ length: 50 }, (_, i) => `u${i}@example.net`));
    context.worker.start();
    await context.clock.advance(1000);
    context.clock.jump(-days(30));
    // What passed between the last look at the clock and the jump is unknown, so a wait may double.
    await context.clock.advance(minutes(11));
    expect(Math.max(...context.attempts.map(({ attempt }) => attempt))).toBe(2);
    const before = context.attempts.length;
    context.clock.jump(hours(10));
    await context.clock.advance(minutes(1));
    expect(context.attempts.length - before).toBeLessThanOrEqual(50);
    await context.clock.advance(minutes(21));
    expect(await context.states(id)).toEqual(Array(50).fill('delivered'));
    await context.worker.stop();
  });
});

it('refuses invalid options', () => {
  const options = { store: {} as QueueStore, attempt: async () => ({ outcomes: [] }), name: 'w' };
  const common = { ...options, clock: new VirtualClock(), random: Math.random };
  expect(() => new QueueWorker({ ...common, slots: 0 })).toThrow(
    expect.objectContaining({ code: 'MB_BROKER_OPTION' }),
  );
  expect(() => new QueueWorker({ ...common, leaseMs: 1.5 })).toThrow();
});
