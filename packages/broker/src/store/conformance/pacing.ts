import assert from 'node:assert/strict';
import {
  allowedConnections,
  applyFeedback,
  defaultSiteLimits,
  freshPacing,
  type SiteFeedback,
} from '../pacing.ts';
import type { SiteView } from '../port.ts';
import {
  type ConformanceCase,
  claimedIds,
  claimSome,
  days,
  draft,
  minutes,
  mustClaim,
  type StoreUnderTest,
  storeCase,
} from './harness.ts';

const site = 'example.net';

function fill(context: StoreUnderTest, count: number) {
  return context.store.accept(draft(Array.from({ length: count }, (_, i) => `u${i}@${site}`)));
}

/** Claims one recipient at a time until the store refuses; returns the claims. */
async function claimAll(context: StoreUnderTest) {
  const claims = [];
  for (let claim = await claimSome(context, 1); claim; claim = await claimSome(context, 1))
    claims.push(claim);
  return claims;
}

async function view(context: StoreUnderTest): Promise<SiteView> {
  const found = (await context.store.stats()).sites.find((each) => each.site === site);
  assert.ok(found);
  assert.deepEqual(await context.store.inspectSite(site), found);
  return found;
}

/** Claims one recipient, and returns it to the queue with the feedback. */
async function feed(context: StoreUnderTest, feedback: SiteFeedback) {
  const claim = await mustClaim(context, 1);
  const outcomes = claimedIds(claim).map((recipientId) => {
    return { recipientId, status: 'unattempted' as const, retryAfterMs: 0 };
  });
  await context.store.settle({ leaseId: claim.leaseId, outcomes, release: true, feedback });
}

export const pacingCases: readonly ConformanceCase[] = [
  storeCase('starts with five connections to a site, for all workers together', async (context) => {
    await fill(context, 30);
    const claims = [];
    for (let i = 0; i < 10; i++) {
      const claim = await claimSome(context, 1, `worker-${i}`);
      if (claim) claims.push(claim);
    }
    assert.equal(claims.length, 5);
    const { connections, concurrency, queued } = await view(context);
    assert.deepEqual([connections, concurrency, queued], [5, 5, 25]);
  }),

  storeCase('rises by 1/N for each success', async (context) => {
    await fill(context, 500);
    for (let i = 0; i < 5; i++) await feed(context, { kind: 'succeeded' });
    assert.equal((await claimAll(context)).length, 6);
  }),

  storeCase('rises no higher than the limit, and not far beyond what is used', async (context) => {
    await fill(context, 500);
    let open = await claimAll(context);
    for (let round = 0; round < 40; round++) {
      for (const claim of open) {
        const outcomes = claimedIds(claim).map((recipientId) => {
          return { recipientId, status: 'unattempted' as const, retryAfterMs: 0 };
        });
        const feedback = { kind: 'succeeded' as const };
        await context.store.settle({ leaseId: claim.leaseId, outcomes, release: false, feedback });
      }
      for (const { leaseId } of open) await context.store.settle({ leaseId, outcomes: [], release: true });
      open = await claimAll(context);
      assert.ok(open.length <= 20);
    }
    assert.equal(open.length, 20);
  }),

  storeCase(
    'pauses a site after a cohort of connection failures, and probes it with one connection later',
    async (context) => {
      await fill(context, 30);
      await feed(context, { kind: 'unreachable' });
      assert.equal((await view(context)).concurrency, 4, 'falls at the start of the run');
      for (let i = 0; i < 4; i++) await feed(context, { kind: 'unreachable' });
      assert.equal(await claimSome(context), null, 'given up');
      const dead = await view(context);
      assert.deepEqual([dead.pauseReason, dead.queued], ['unreachable', 30]);
      await context.advance(minutes(5) - 1);
      assert.equal(await claimSome(context), null);
      await context.advance(1);
      const probes = await claimAll(context);
      assert.equal(probes.length, 1, 'one probe');
      const settlement = { leaseId: probes[0]!.leaseId, outcomes: [], release: true } as const;
      await context.store.settle({ ...settlement, feedback: { kind: 'succeeded' } });
      assert.equal((await claimAll(context)).length, 5, 'alive again');
    },
  ),

  storeCase('paces a site as the pure rules do, report by report', async (context) => {
    await fill(context, 30);
    const claims = await claimAll(context);
    const start = claims[0]!.messages[0]!.acceptedAt;
    await context.store.heartbeat(
      claims.map(({ leaseId }) => leaseId),
      days(30),
    );
    let pacing = freshPacing(defaultSiteLimits);
    let now = start;
    // A fixed pseudo-random sequence, so that every run compares the same.
    let state = 12345;
    const draw = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 150; i++) {
      const reports: SiteFeedback[] = [
        { kind: 'succeeded' },
        { kind: 'succeeded', count: 1 + draw(9) },
        { kind: 'unreachable' },
        { kind: 'throttled' },
        { kind: 'throttled', retryAfterMs: draw(100_000) / 2 },
        { kind: 'answered' },
        { kind: 'credentials-refused' },
      ];
      const feedback = reports[i % 40 < 12 ? 2 : draw(reports.length)]!;
      const { leaseId } = claims[draw(claims.length)]!;
      await context.store.settle({ leaseId, outcomes: [], release: false, feedback });
      pacing = applyFeedback(pacing, feedback, defaultSiteLimits, claims.length, now);
      const seen = await view(context);
      const paused = pacing.pausedUntil > now;
      assert.deepEqual(
        [i, feedback.kind, seen.concurrency, seen.pausedUntil, seen.pauseReason],
        [
          i,
          feedback.kind,
          allowedConnections(pacing, defaultSiteLimits),
          paused ? pacing.pausedUntil : undefined,
          paused ? pacing.pauseReason : undefined,
        ],
      );
      const wait = draw(3) === 0 ? draw(400_000) : draw(2000);
      await context.advance(wait);
      now += wait;
    }
  }),

  storeCase('pauses a site that refuses our credentials, then tries with one connection', async (context) => {
    await fill(context, 30);
    await feed(context, { kind: 'credentials-refused' });
    assert.equal(await claimSome(context), null);
    assert.equal((await view(context)).pauseReason, 'credentials');
    await context.advance(minutes(5));
    const probes = await claimAll(context);
    assert.equal(probes.length, 1, 'one try');
    const settlement = { leaseId: probes[0]!.leaseId, outcomes: [], release: true } as const;
    await context.store.settle({ ...settlement, feedback: { kind: 'credentials-refused' } });
    assert.equal(await claimSome(context), null, 'paused again');
  }),

  storeCase('neither raises nor lowers the limit of a site that only defers', async (context) => {
    await fill(context, 100);
    for (let i = 0; i < 50; i++) await feed(context, { kind: 'answered' });
    assert.equal((await claimAll(context)).length, 5);
  }),

  storeCase('does not let trouble at one site affect another', async (context) => {
    await fill(context, 30);
    for (let i = 0; i < 5; i++) await feed(context, { kind: 'unreachable' });
    await context.store.accept(draft('a@example.org'));
    assert.equal((await mustClaim(context)).site, 'example.org');
  }),

  storeCase(
    'pauses for as long as a throttling host says, then continues with half of the connections',
    async (context) => {
      await fill(context, 30);
      await feed(context, { kind: 'throttled', retryAfterMs: 89_999.5 });
      assert.equal(await claimSome(context), null);
      assert.equal((await view(context)).pauseReason, 'throttled');
      assert.equal(await context.store.nextDueMs(), 90_000);
      await context.advance(90_000);
      assert.equal((await claimAll(context)).length, 2);
    },
  ),

  storeCase(
    'keeps a rate across workers, and gives back what was not used',
    async (context) => {
      await context.store.setSite(site, { limits: { rates: [{ count: 10, perMs: 1000, burst: 4 }] } });
      await fill(context, 100);
      const first = await mustClaim(context, 20);
      assert.equal(claimedIds(first).length, 4);
      assert.equal(await claimSome(context), null);
      const outcomes = claimedIds(first).map((recipientId, i) => {
        return i < 2
          ? ({ recipientId, status: 'delivered' } as const)
          : ({ recipientId, status: 'unattempted', retryAfterMs: 0 } as const);
      });
      await context.store.settle({ leaseId: first.leaseId, outcomes, release: true });
      assert.equal(claimedIds(await claimSome(context)).length, 2);
      let taken = 4;
      for (let ms = 0; ms < 1000; ms += 10) {
        taken += claimedIds(await claimSome(context)).length;
        await context.advance(10);
      }
      assert.ok(taken <= 11 && taken >= 10, `${taken} in the first second`);
    },
    { limits: { startConcurrency: 100, maxConcurrency: 100 } },
  ),

  storeCase('keeps several rates of a site at once', async (context) => {
    const rates = [
      { count: 5, perMs: 1000, burst: 5 },
      { count: 8, perMs: 60_000, burst: 8 },
    ];
    await context.store.setSite(site, { limits: { rates } });
    await fill(context, 50);
    assert.equal(claimedIds(await claimSome(context)).length, 5);
    await context.advance(1000);
    assert.equal(claimedIds(await claimSome(context)).length, 1, 'one in a second after a burst');
    await context.advance(5000);
    assert.equal(claimedIds(await claimSome(context)).length, 2, 'the minute allows two more');
    assert.equal(await claimSome(context), null);
  }),

  storeCase('suspends a site until it is resumed, and pauses it for the given time', async (context) => {
    await fill(context, 3);
    await context.store.setSite(site, { suspended: true, note: 'maintenance' });
    assert.equal(await claimSome(context), null);
    const suspended = await view(context);
    assert.deepEqual([suspended.suspended, suspended.note, suspended.queued], [true, 'maintenance', 3]);
    await context.store.setSite(site, { suspended: false, pauseMs: 1000 });
    assert.equal(await claimSome(context), null);
    await context.advance(1000);
    assert.ok(await claimSome(context, 1));
    await context.store.setSite(site, { pauseMs: 100_000 });
    assert.equal(await claimSome(context, 1), null);
    await context.store.setSite(site, { pauseMs: 0 });
    assert.ok(await claimSome(context, 1));
  }),

  storeCase('prefers a site’s own limits to the common ones, until they are removed', async (context) => {
    await fill(context, 40);
    await context.store.setSite(site, { limits: { maxConcurrency: 2 } });
    const claims = await claimAll(context);
    assert.equal(claims.length, 2);
    await context.store.setSite(site, { limits: null });
    assert.equal((await claimAll(context)).length, 3);
  }),

  storeCase('starts low again at a site that was not used', async (context) => {
    await fill(context, 100);
    for (let i = 0; i < 30; i++) await feed(context, { kind: 'succeeded' });
    assert.ok((await view(context)).concurrency > 5);
    await context.advance(minutes(5));
    assert.equal((await claimAll(context)).length, 5);
  }),
];
