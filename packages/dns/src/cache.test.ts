import { describe, expect, it } from 'vitest';
import { AnswerCache } from './cache.ts';
import type { Answer } from './resolver.ts';

function found(name: string, ttlSeconds: number): Answer<'A'> {
  return {
    status: 'found',
    name,
    type: 'A',
    records: ['192.0.2.1'],
    canonicalName: name,
    authentic: true,
    ttlSeconds,
  };
}

function failed(status: 'servfail' | 'bogus' | 'timeout'): Answer {
  const base = {
    name: 'a.test',
    type: 'A',
    records: [],
    canonicalName: 'a.test',
    authentic: false,
    ttlSeconds: 60,
  } as const;
  return { status, ...base, cause: 'response-code', scope: 'domain', reason: 'x' };
}

describe('AnswerCache', () => {
  it('DNS-03 hands an answer out until its TTL has passed, with what remains of it', () => {
    const cache = new AnswerCache();
    const answer = found('a.test', 10);
    cache.set(answer, 0);
    expect(cache.get('a.test', 'A', 0)).toBe(answer);
    expect(cache.get('a.test', 'A', 3_500)?.ttlSeconds).toBe(7);
    expect(cache.get('a.test', 'A', 9_999)?.ttlSeconds).toBe(1);
    expect(cache.get('a.test', 'A', 10_000)).toBeUndefined();
    expect(cache.get('a.test', 'AAAA', 0)).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('DNS-77 keeps negative answers for at most five minutes', () => {
    const cache = new AnswerCache();
    for (const status of ['nxdomain', 'nodata'] as const) {
      const answer = {
        status,
        name: status,
        type: 'A',
        records: [],
        canonicalName: status,
        authentic: false,
        ttlSeconds: 86_400,
      } as const;
      expect(cache.set(answer, 0).ttlSeconds).toBe(300);
      expect(cache.get(status, 'A', 299_000)?.status).toBe(status);
      expect(cache.get(status, 'A', 300_000)).toBeUndefined();
    }
  });

  it('DNS-79 never keeps a failure, nor an answer without TTL', () => {
    const cache = new AnswerCache();
    for (const status of ['servfail', 'bogus', 'timeout'] as const) cache.set(failed(status), 0);
    cache.set(found('zero.test', 0), 0);
    expect(cache.size).toBe(0);
  });

  it('DNS-78 drops the least recently used answer beyond its size', () => {
    const cache = new AnswerCache({ maxEntries: 2 });
    cache.set(found('a.test', 60), 0);
    cache.set(found('b.test', 60), 0);
    cache.get('a.test', 'A', 0);
    cache.set(found('c.test', 60), 0);
    expect(['a.test', 'b.test', 'c.test'].map((name) => cache.get(name, 'A', 0)?.status)).toEqual([
      'found',
      undefined,
      'found',
    ]);
    for (let i = 0; i < 10_000; i++) cache.set(found(`${i}.test`, 60), 0);
    expect(cache.size).toBe(2);
  });

  it('gives expired answers only within the stale time', () => {
    const cache = new AnswerCache({ staleSeconds: 100 });
    cache.set(found('a.test', 10), 0);
    expect(cache.get('a.test', 'A', 20_000)).toBeUndefined();
    expect(cache.getStale('a.test', 'A', 20_000)).toMatchObject({
      stale: true,
      ttlSeconds: 30,
      records: ['192.0.2.1'],
    });
    expect(cache.getStale('a.test', 'A', 110_000)).toBeUndefined();
  });
});
