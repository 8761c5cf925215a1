import type { Health, SiteView } from '@mb/broker';
import { expect, it } from 'vitest';
import { findingsOf } from './findings.ts';

const now = Date.parse('2026-05-01T12:00:00Z');
const health: Health = {
  queued: 0,
  inFlight: 0,
  held: 0,
  unknown: 0,
  running: true,
  activeClaims: 0,
  sites: [],
};
const site = (more: Partial<SiteView>): SiteView => ({
  site: 'one.test',
  queued: 3,
  connections: 0,
  concurrency: 5,
  suspended: false,
  limits: { startConcurrency: 5, maxConcurrency: 20, probeAfterMs: 1, rates: [] },
  learned: { speed: 'new', hosts: {} },
  ...more,
});

it('DSH-30 a healthy queue has no findings', () => {
  const findings = findingsOf({ ...health, queued: 5, oldestDueAt: now - 60_000, sites: [site({})] }, now);
  expect(findings).toEqual([]);
});

it.each<[string, Partial<Health>, string, 'error' | 'warning']>([
  ['a closed port', { portBlocked: 'Port 25 seems closed.' }, 'Port 25 seems closed.', 'error'],
  ['a dead resolver', { resolverTrouble: 'The resolver is silent.' }, 'The resolver is silent.', 'error'],
  ['trouble of our own', { localTroubles: ['No free socket.'] }, 'No free socket.', 'error'],
  ['late mail', { oldestDueAt: now - 30 * 60_000 }, 'due for 30 minutes', 'warning'],
  ['unknown outcomes', { unknown: 1 }, '1 recipient has an unknown outcome', 'warning'],
  ['held mail', { held: 2 }, '2 recipients are held.', 'warning'],
  [
    'a suspension',
    { sites: [site({ suspended: true, note: 'they asked' })] },
    'suspended (they asked)',
    'warning',
  ],
  [
    'an unreachable destination',
    { sites: [site({ pausedUntil: now + 1, pauseReason: 'unreachable' })] },
    'cannot be reached; 3 recipients wait',
    'error',
  ],
  [
    'throttling',
    { sites: [site({ pausedUntil: now + 1, pauseReason: 'throttled', queued: 1 })] },
    'asks us to send less; 1 recipient waits',
    'warning',
  ],
  [
    'refused credentials',
    { sites: [site({ pausedUntil: now + 1, pauseReason: 'credentials' })] },
    'refuses our user name',
    'error',
  ],
])('DSH-30 %s is a sentence with what to do', (_, trouble, text, severity) => {
  const findings = findingsOf({ ...health, ...trouble }, now);
  expect(findings).toMatchObject([{ severity, text: expect.stringContaining(text) }]);
  expect(findings[0]!.todo).toMatch(/^[A-Z].*\.$/);
});

it('DSH-102 errors come before warnings', () => {
  const findings = findingsOf({ ...health, held: 1, portBlocked: 'Closed.' }, now);
  expect(findings.map(({ severity }) => severity)).toEqual(['error', 'warning']);
});

it.each([
  [
    'secrets that cannot be opened',
    { plain: 0, encrypted: 1, encrypts: false },
    [{ severity: 'error', text: expect.stringContaining('1 secret of webhooks is encrypted') }],
  ],
  [
    'secrets in plain text without a master key',
    { plain: 2, encrypted: 0, encrypts: false },
    [{ severity: 'warning', todo: expect.stringContaining('master-key new') }],
  ],
  [
    'secrets in plain text beside a master key',
    { plain: 2, encrypted: 3, encrypts: true },
    [{ severity: 'warning', text: '2 secrets of webhooks are in plain text in the queue.' }],
  ],
  ['secrets that are all encrypted', { plain: 0, encrypted: 3, encrypts: true }, []],
])('WHK-80 WHK-81 findings name %s', (_, secrets, expected) => {
  expect(findingsOf(health, now, secrets)).toMatchObject(expected);
  expect(findingsOf(health, now, secrets)).toHaveLength(expected.length);
});
