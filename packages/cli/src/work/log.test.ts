import { BrokerError, type Observation, type QueueEvent } from '@mb/broker';
import { expect, it } from 'vitest';
import { jsonLog, type LogLevel } from './log.ts';

const event = { type: 'failed', at: 5, detail: { reply: 'no \u009b31m' } } as unknown as QueueEvent;
const outcome = { recipient: 'bob@one.test', status: 'delivered', transcript: ['EHLO'] };
const observations = [
  { type: 'connect', host: 'mx.test' },
  { type: 'attempt', domain: 'one.test', outcomes: [outcome] },
  { type: 'line', line: { host: 'mx.test', text: 'EHLO' } },
] as unknown as readonly Observation[];

/** What a log of a level writes of an event, an error and of the observations that it asks for. */
async function linesOf(level?: LogLevel) {
  const lines: string[] = [];
  const log = await jsonLog({ write: (line) => lines.push(line), now: () => 7, ...(level && { level }) });
  log.onEvent(event);
  log.onError(new BrokerError('MB_BROKER_STORE_FAILED', 'network', 'The database went away.'));
  for (const seen of observations) if (log.observed.includes(seen.type)) log.onObservation(seen);
  return lines;
}

const typesOf = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).type);

it('CLI-88 a JSON log has one object a line, with its level and without controls of terminals', async () => {
  const lines = await linesOf();
  expect(lines.every((line) => line.endsWith('}\n'))).toBe(true);
  expect(lines.join('')).not.toContain('\u009b');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { level: 'info', ...event },
    {
      level: 'error',
      type: 'worker-error',
      at: 7,
      message: 'The database went away.',
      code: 'MB_BROKER_STORE_FAILED',
    },
  ]);
});

it('CLI-89 --log-level adds connections and attempts, then sessions, and asks a broker for no more', async () => {
  expect(typesOf(await linesOf('error'))).toEqual(['worker-error']);
  const debug = await linesOf('debug');
  expect(typesOf(debug)).toEqual(['failed', 'worker-error', 'connect', 'attempt']);
  expect(JSON.parse(debug[3]!)).toEqual({
    level: 'debug',
    type: 'attempt',
    at: 7,
    domain: 'one.test',
    outcomes: [{ recipient: 'bob@one.test', status: 'delivered' }],
  });
  expect(typesOf(await linesOf('trace'))).toEqual(['failed', 'worker-error', 'connect', 'attempt', 'line']);
});
