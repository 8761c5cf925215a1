import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMemoryResolver } from '../memory.ts';
import { createMtaStsCache, createMtaStsMemoryStore, type MtaStsStore } from './cache.ts';
import type { MtaStsFetch } from './fetch.ts';
import { createMtaStsFileStore } from './file-store.ts';
import { lookupMtaSts } from './record.ts';

const day = 86_400_000;
const good: MtaStsFetch = {
  status: 'fetched',
  policy: { mode: 'enforce', mx: ['mx.a.test'], maxAgeSeconds: 7 * 86_400 },
  problems: [],
};
const bad: MtaStsFetch = {
  status: 'failed',
  cause: 'tls',
  reason: 'The certificate is not for mta-sts.a.test.',
};

function lab(store: MtaStsStore = createMtaStsMemoryStore()) {
  const resolver = createMemoryResolver({});
  const state = { now: 0, result: good as MtaStsFetch, fetches: 0 };
  const publish = (id: string | undefined) =>
    resolver.set('_mta-sts.a.test', id === undefined ? undefined : { TXT: `v=STSv1; id=${id};` });
  publish('1');
  const cache = createMtaStsCache(resolver, {
    store,
    clock: { now: () => state.now, setTimer: () => () => {} },
    fetchPolicy: async () => {
      state.fetches++;
      return state.result;
    },
  });
  return { cache, resolver, state, publish };
}

describe('createMtaStsCache', () => {
  it('STS-13 fetches once, and again when the id changes or a day has passed', async () => {
    const { cache, state, publish } = lab();
    expect(await cache.policyFor('A.test')).toMatchObject({ status: 'policy', source: 'fetched', id: '1' });
    expect(await cache.policyFor('a.test')).toMatchObject({ status: 'policy', source: 'cached', id: '1' });
    publish('2');
    expect(await cache.policyFor('a.test')).toMatchObject({ source: 'fetched', id: '2' });
    state.now += day;
    expect(await cache.policyFor('a.test')).toMatchObject({ source: 'fetched' });
    expect(state.fetches).toBe(3);
  });

  it('STS-03 STS-12 keeps an unexpired policy through a failing fetch, and tries again after 300 s', async () => {
    const { cache, state, publish } = lab();
    await cache.policyFor('a.test');
    publish('2');
    state.result = bad;
    expect(await cache.policyFor('a.test')).toMatchObject({
      status: 'policy',
      source: 'cached',
      id: '1',
      problem: expect.stringContaining('certificate'),
    });
    state.now += 299_999;
    expect(await cache.policyFor('a.test')).toMatchObject({ status: 'policy', id: '1' });
    expect(state.fetches).toBe(2);
    state.now += 1;
    state.result = good;
    expect(await cache.policyFor('a.test')).toMatchObject({ status: 'policy', id: '2', source: 'fetched' });
  });

  it('STS-03 keeps an unexpired policy when the record vanishes or DNS fails, and not beyond', async () => {
    const { cache, state, publish, resolver } = lab();
    await cache.policyFor('a.test');
    publish(undefined);
    expect(await cache.policyFor('a.test')).toMatchObject({ status: 'policy', source: 'cached' });
    resolver.fail('_mta-sts.a.test', 'servfail');
    expect(await cache.policyFor('a.test')).toMatchObject({ status: 'policy', problem: expect.any(String) });
    state.now += 7 * day;
    expect(await cache.policyFor('a.test')).toMatchObject({ status: 'none' });
    resolver.fail('_mta-sts.a.test', undefined);
    expect(await cache.policyFor('a.test')).toMatchObject({ status: 'none' });
    expect(await cache.policyFor('not a name')).toMatchObject({ status: 'none' });
  });

  it('STS-12 has no policy when the first fetch fails, and backs off', async () => {
    const { cache, state } = lab();
    state.result = bad;
    expect(await cache.policyFor('a.test')).toMatchObject({ status: 'none', problem: expect.any(String) });
    expect(await cache.policyFor('a.test')).toMatchObject({ status: 'none' });
    expect(state.fetches).toBe(1);
  });

  it('STS-11 survives a restart in a folder of files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mta-sts-'));
    try {
      await lab(createMtaStsFileStore(folder)).cache.policyFor('a.test');
      const restarted = lab(createMtaStsFileStore(folder));
      restarted.state.result = bad;
      expect(await restarted.cache.policyFor('a.test')).toMatchObject({
        status: 'policy',
        source: 'cached',
        id: '1',
      });
      const store = createMtaStsFileStore(folder);
      expect(await store.get('../../etc/passwd')).toBeUndefined();
      const [file] = await readdir(folder);
      await writeFile(join(folder, file!), '{"domain":"a.test"}');
      expect(await store.get('a.test')).toBeUndefined();
      await store.delete('a.test');
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('lookupMtaSts', () => {
  it('STS-05 takes exactly one valid record', async () => {
    const lookup = (TXT: string[]) =>
      lookupMtaSts('a.test', createMemoryResolver({ '_mta-sts.a.test': { TXT } }));
    expect(await lookup(['v=STSv1; id=20260101T000000;', 'other'])).toMatchObject({
      status: 'found',
      id: '20260101T000000',
    });
    expect(await lookup(['v=STSv1; id=1', 'v=STSv1; id=2'])).toMatchObject({
      status: 'none',
      problems: [expect.any(String)],
    });
    for (const text of [
      'v=STSv1',
      'v=STSv1; id=',
      'v=STSv1; id=a-b',
      `v=STSv1; id=${'a'.repeat(33)}`,
      'v=STSv10; id=1',
      'id=1; v=STSv1',
    ]) {
      expect(await lookup([text]), text).toMatchObject({ status: 'none' });
    }
    const failing = createMemoryResolver({}, { failures: { '_mta-sts.a.test': 'bogus' } });
    expect(await lookupMtaSts('a.test', failing)).toMatchObject({ status: 'temporary' });
  });
});
