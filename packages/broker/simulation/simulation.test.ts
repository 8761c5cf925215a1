import { describe, expect, it } from 'vitest';
import type { QueueStore } from '../src/store/port.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { addCoverage, type Coverage, coverageOf } from './coverage.ts';
import { allEvents, findViolations } from './invariants.ts';
import { sessionLimitReplies, troubleKinds, type WorldEvent } from './scenario.ts';
import type { HostDeed } from './simulated-host.ts';
import { type ChangeProfiles, type Taken, tenantSights, tenantsApart } from './tenants.ts';
import { type MakeStore, memoryStore, type RunRecord, runWorld } from './world.ts';

const eventKinds = [
  'cancel',
  'clock-jump',
  'crash',
  'dns-trouble',
  'enqueue',
  'graceful-restart',
  'hold-and-release',
  'store-trouble',
  'suspend',
] as const satisfies readonly WorldEvent['kind'][];
/** A host that says its limit with LIMITS is never asked for more. */
const hostDeeds = [
  ...sessionLimitReplies.filter((said) => said !== 'limits').map((said) => `sessionFull, ${said}` as const),
  'chunkingRefused',
  'greylisted',
  'greylisted, plain',
  'slow answer',
] as const satisfies readonly HostDeed[];
const states = ['delivered', 'failed', 'expired', 'cancelled', 'held', 'unknown'] as const;
const seeds = Number(process.env.MB_SIMULATION_SEEDS ?? 200);

/** The first seed from `from` on in which an invariant does not hold; `coverage` gathers what the runs went through. */
async function firstViolation(
  count: number,
  makeStore: MakeStore,
  coverage: Coverage = new Map(),
  from = 1,
  changeProfiles?: ChangeProfiles,
): Promise<string | undefined> {
  for (let seed = from; seed < from + count; seed++) {
    const record = await runWorld(seed, makeStore, changeProfiles);
    const [violation] = await findViolations(record);
    if (violation !== undefined) return `${seed}: ${violation}`;
    addCoverage(coverage, await coverageOf(record));
  }
  return undefined;
}

/** The first world in which all three tenants handed something over. */
async function worldWithTenants(): Promise<RunRecord> {
  for (let seed = 1; ; seed++) {
    const record = await runWorld(seed);
    const authors = new Set(record.acceptances.map(({ appearance }) => appearance.author));
    if (record.scenario.tenants.length > 0 && authors.size === 3) return record;
  }
}

/** A store that does one thing wrong. */
function withBug(bug: (store: QueueStore<unknown>) => Partial<QueueStore<unknown>>): MakeStore {
  return (options) => {
    const store = memoryStore(options);
    const wrong = bug(store);
    return new Proxy(store, {
      get: (target, name: keyof QueueStore<unknown>) => {
        const member: unknown = wrong[name] ?? target[name];
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
}

describe('simulation', () => {
  it('SIM-01 gives the same run for the same seed, event for event', { timeout: 60_000 }, async () => {
    const story = async (record: RunRecord) => JSON.stringify([record.trace, await allEvents(record.store)]);
    for (const seed of [3, 17, 'a seed may be a word']) {
      expect(await story(await runWorld(seed))).toBe(await story(await runWorld(seed)));
    }
  });

  it(`SIM-02 SIM-03 SIM-04 SIM-05 SIM-06 SIM-07 PROF-10 holds its invariants over ${seeds} seeds, which meet every fault`, {
    timeout: 300_000,
  }, async () => {
    const coverage: Coverage = new Map();
    // Among the first 200 of these are all faults.
    expect(await firstViolation(seeds, memoryStore, coverage, 5001)).toBeUndefined();
    const met = [...coverage].filter(([, times]) => times > 0).map(([what]) => what);
    expect(met).toEqual(
      expect.arrayContaining([
        ...troubleKinds.map((trouble) => `host: ${trouble}`),
        ...hostDeeds.map((deed) => `host: ${deed}`),
        ...eventKinds.map((kind) => `event: ${kind}`),
        ...states.map((state) => `recipients: ${state}`),
        ...tenantSights.map((sight) => `tenants: ${sight}`),
        ...['before', 'after'].flatMap((moment) =>
          ['claimSites', 'settle'].flatMap((call) => [
            `death: ${moment} ${call}`,
            `store fails: ${moment} ${call}`,
          ]),
        ),
      ]),
    );
  });

  it('SIM-02 SIM-03 SIM-04 SIM-05 SIM-06 SIM-07 holds its invariants on SQLite too', {
    timeout: 120_000,
  }, async () => {
    const makeStore: MakeStore = ({ clock, limits }) =>
      new SqliteStore(':memory:', { clock, limits, pollMs: 0 });
    expect(await firstViolation(Math.ceil(seeds / 10), makeStore)).toBeUndefined();
  });
});

describe('the simulation finds what is wrong', { timeout: 120_000 }, () => {
  it('SIM-04 an outcome that is not written down', async () => {
    let settlements = 0;
    const forgetful = withBug((store) => ({
      settle: (settlement) =>
        ++settlements % 20 === 0 ? Promise.resolve({ refused: [], bounceIds: [] }) : store.settle(settlement),
    }));
    expect(await firstViolation(100, forgetful)).toMatch(/again without need|taken by|ends as/);
  });

  it('SIM-02 a message that is accepted and not kept', async () => {
    const lossy = withBug((store) => ({
      accept: async (message, options) => {
        const accepted = await store.accept(message, options as never);
        await store.cancel({ messageId: accepted.messageId });
        return { ...accepted, messageId: `${Number(accepted.messageId) + 1_000_000}` };
      },
    }));
    expect(await firstViolation(20, lossy)).toMatch(/accepted and is lost/);
  });

  it('SIM-07 a success that no host gave', async () => {
    const hopeful = withBug((store) => ({
      settle: (settlement) =>
        store.settle({
          ...settlement,
          outcomes: settlement.outcomes.map((outcome) =>
            outcome.status === 'deferred'
              ? { recipientId: outcome.recipientId, status: 'delivered' }
              : outcome,
          ),
        }),
    }));
    expect(await firstViolation(100, hopeful)).toMatch(/called delivered and no host took it/);
  });

  it('a failure that is not reported to the sender', async () => {
    const silent = withBug((store) => ({
      settle: ({ bounces: _, ...settlement }) => store.settle(settlement),
    }));
    expect(await firstViolation(20, silent)).toMatch(/(?:failed|expired) and was reported 0 times/);
  });

  it('a suspended domain whose mail goes on behind its exchangers', async () => {
    const forgetful = withBug((store) => ({
      claimSites: async (request, most) => {
        const claims = await store.claimSites(request, most);
        return claims.map((claim) => ({
          ...claim,
          messages: claim.messages.map((message) => ({
            ...message,
            recipients: message.recipients.map(({ ownSite: _, ...recipient }) => recipient),
          })),
        }));
      },
    }));
    // Few worlds suspend a domain while it has mail: the first that does is near the beginning.
    expect(await firstViolation(100, forgetful)).toMatch(/was attempted while .* was suspended/);
  });

  it('an attempt that counts although nothing was tried', async () => {
    let claims = 0;
    const hasty = withBug((store) => ({
      claimSites: async (request, most) => {
        const [claim, ...others] = await store.claimSites(request, most);
        if (!claim) return [];
        if (++claims % 5 > 0) return [claim, ...others];
        const recipients = claim.messages.flatMap((message) => message.recipients);
        const outcomes = recipients.map(({ recipientId }) => {
          return { recipientId, status: 'deferred', retryAfterMs: 1000 } as const;
        });
        await store.settle({ leaseId: claim.leaseId, outcomes, release: true });
        return others;
      },
    }));
    expect(await firstViolation(100, hasty)).toMatch(/attempts without any trouble/);
  });

  const wrongProfiles: readonly (readonly [string, ChangeProfiles, RegExp])[] = [
    [
      'the name and address of another tenant',
      (profiles) => (message) => {
        const own = profiles.get(message.tenant as 't0')!;
        return message.tenant === 't1' ? { ...profiles.get('t2')!, dkim: own.dkim } : own;
      },
      /of t1 left (?:with the (?:name|return path|password)|from|through)/,
    ],
    [
      'no key',
      (profiles) => (message) => ({ ...profiles.get(message.tenant as 't0')!, dkim: undefined }),
      /of t\d left with the key of/,
    ],
  ];
  it.each(wrongProfiles)('PROF-10 mail that leaves with %s', async (_what, change, words) => {
    expect(await firstViolation(20, memoryStore, new Map(), 1, change)).toMatch(words);
  });

  it('PROF-10 mail that leaves over the connection of another tenant', async () => {
    const { scenario, acceptances } = await worldWithTenants();
    const session = acceptances[0]!.appearance.session;
    const shared: Taken[] = acceptances.map((one) => ({
      ...one,
      appearance: { ...one.appearance, session },
    }));
    const tenantOf = (messageId: string) =>
      /t\d/.exec(acceptances.find((one) => one.messageId === messageId)!.appearance.author)![0];
    expect(tenantsApart(scenario.tenants, acceptances, tenantOf)).toEqual([]);
    expect(tenantsApart(scenario.tenants, shared, tenantOf)).toContainEqual(
      expect.stringContaining('over a connection of'),
    );
    expect(tenantsApart(scenario.tenants, acceptances, () => 't9')).toContainEqual(
      expect.stringContaining('is kept for t9'),
    );
  });

  it('SIM-05 more connections than allowed', async () => {
    const greedy: MakeStore = ({ clock, limits }) =>
      memoryStore({ clock, limits: { startConcurrency: 5, maxConcurrency: limits.maxConcurrency + 2 } });
    expect(await firstViolation(300, greedy)).toMatch(/connections at once/);
  });
});
