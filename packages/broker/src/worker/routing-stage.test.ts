import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { type Alias, type RoutedRecipient, unrouted } from '../store/port.ts';
import type { SiteOf } from './lease-run.ts';
import { RoutingStage } from './routing-stage.ts';

function bench(siteOf?: SiteOf) {
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock });
  const written: { readonly recipients: readonly RoutedRecipient[]; readonly aliases: readonly Alias[] }[] =
    [];
  const errors: unknown[] = [];
  const stage = new RoutingStage({
    store: {
      unrouted: (request) => store.unrouted(request),
      assignSites: (recipients, aliases = []) => {
        written.push({ recipients, aliases });
        return store.assignSites(recipients, aliases);
      },
    },
    siteOf,
    clock,
    holdMs: 60_000,
    report: (error) => errors.push(error),
  });
  const accept = (domains: readonly string[]) =>
    store.accept({
      sender: 'ann@sender.test',
      recipients: domains.map((domain) => ({ address: `bob@${domain}`, domain, site: unrouted })),
      content: new Uint8Array(),
    });
  const sites = async () => {
    const { rows } = await store.list({}, { limit: 1000 });
    return Object.fromEntries(rows.map(({ domain, site }) => [domain, site]));
  };
  return { clock, store, stage, accept, sites, written, errors };
}

const domains = Array.from({ length: 50 }, (_, n) => `d${n}.test`);
const found = (site: string) => ({ site, ttlMs: 60_000, forAll: true });

/** Routes all domains at once, each with a lookup of 100 ms. */
async function routeAll() {
  let running = 0;
  let most = 0;
  const context = bench(async () => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => context.clock.setTimer(resolve, 100));
    running--;
    return found('mx.test');
  });
  await context.accept(domains);
  context.stage.look();
  await context.clock.advance(200);
  return { context, most };
}

it('STAGE-02 routes new domains side by side', async () => {
  const { context, most } = await routeAll();
  expect(most).toBe(50);
  expect(new Set(Object.values(await context.sites()))).toEqual(new Set(['mx.test']));
});

it('STAGE-11 writes the routes of new domains down together', async () => {
  const { context } = await routeAll();
  expect(context.written).toHaveLength(1);
  expect(context.written[0]!.aliases).toHaveLength(50);
});

it('STAGE-07 routes without a claim, an attempt or an event', async () => {
  const { context } = await routeAll();
  expect((await context.store.events()).events.map(({ type }) => type)).toEqual(['accepted']);
});

it('STAGE-03 a slow lookup does not hold up the other domains', async () => {
  const context = bench(async (domain) => {
    await new Promise<void>((resolve) => context.clock.setTimer(resolve, domain === 'd7.test' ? 20_000 : 10));
    return found('mx.test');
  });
  await context.accept(domains);
  context.stage.look();
  await context.clock.advance(1_000);
  const before = await context.sites();
  expect(Object.values(before).filter((site) => site === 'mx.test')).toHaveLength(49);
  await context.clock.advance(20_000);
  expect(await context.sites()).toMatchObject({ 'd7.test': 'mx.test' });
});

it('STAGE-31 STAGE-32 new mail is routed while two hundred lookups hang, and no recipient is looked up twice', async () => {
  const asked: string[] = [];
  const context = bench((domain) => {
    asked.push(domain);
    return domain.startsWith('slow') ? new Promise(() => {}) : Promise.resolve(found('mx.test'));
  });
  await context.accept(Array.from({ length: 200 }, (_, n) => `slow${n}.test`));
  context.stage.look();
  await context.clock.advance(10);
  for (const domain of ['a.test', 'b.test']) {
    await context.accept([domain]);
    context.stage.look();
    await context.clock.advance(10);
    expect(await context.sites()).toMatchObject({ [domain]: 'mx.test' });
  }
  expect(asked).toHaveLength(202);
});

it('STAGE-04 a domain whose route is not available is its own site', async () => {
  const context = bench(async (domain) => {
    if (domain === 'd1.test') throw new Error('The lookup failed.');
    return domain === 'd2.test' ? undefined : found('mx.test');
  });
  await context.accept(['d0.test', 'd1.test', 'd2.test']);
  context.stage.look();
  await context.clock.advance(1_000);
  expect(await context.sites()).toEqual({ 'd0.test': 'mx.test', 'd1.test': 'd1.test', 'd2.test': 'd2.test' });
  expect(context.errors).toMatchObject([{ message: 'The lookup failed.' }]);
  expect(await context.store.unrouted({ max: 10, holdMs: 0 })).toEqual([]);
});

it('STAGE-05 STAGE-08 what is under way ends with the worker, and is routed by the next one', async () => {
  const context = bench(() => new Promise(() => {}));
  await context.accept(['d0.test']);
  context.stage.look();
  await context.clock.advance(10);
  await context.stage.stop();
  context.stage.look();
  await context.clock.advance(60_000);
  expect(context.written).toEqual([]);
  expect(await context.store.unrouted({ max: 10, holdMs: 0 })).toHaveLength(1);
});

it('STAGE-06 writes routes down when the store works again, and gives up when it is told to stop', async () => {
  const { clock, store, accept, sites } = bench();
  let failures = 3;
  const errors: unknown[] = [];
  const stage = new RoutingStage({
    store: {
      unrouted: (request) => store.unrouted(request),
      assignSites: async (...given) => {
        if (failures-- > 0) throw new Error('The database went away.');
        return store.assignSites(...given);
      },
    },
    clock,
    holdMs: 60_000,
    report: (error) => errors.push(error),
  });
  await accept(['one.test']);
  stage.look();
  await clock.advance(10_000);
  expect(errors).toHaveLength(3);
  expect(Object.values(await sites())).toEqual(['one.test']);
  failures = Number.POSITIVE_INFINITY;
  await accept(['two.test']);
  stage.look();
  await clock.advance(5_000);
  await stage.stop();
  // No timer is left.
  expect(await clock.runUntilIdle()).toBe(0);
});
