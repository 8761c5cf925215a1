import type { QuantileMetric } from '../harness/quantile.ts';
import type { Goal, Row, Scale } from '../harness/row.ts';

const FLOOR = 'floor: SQLite + overlap';
const FEW = '1,000 queued';
const LOCKSTEP = 'floor: lockstep';
/** As `tenDestinations` of destinations.ts. */
const TEN = 'ten destinations';
const MIB = 2 ** 20;

/** Rows of @mb/broker. */
export const brokerRows: readonly Row[] = [
  {
    id: 'broker/queue',
    title: '5 kB messages accepted durably and delivered',
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    destinations: 1,
    limit: FLOOR,
    goals: [
      { kind: 'share', of: FLOOR, atLeast: 0.5 },
      { kind: 'share', of: 'Postfix', atLeast: 7 },
      { kind: 'micros', atMost: 160, metric: 'cpu' },
    ],
    wholeRuns: true,
    apart: true,
    maxRounds: 3,
    field: async (scale) => {
      const { queueField } = await import('./queue.ts');
      return scale.smoke ? queueField(50, 'none') : queueField(5000, scale.full ? 'all' : 'postfix');
    },
  },
  destinationsRow('few', 10),
  destinationsRow('many', 300),
  destinationsRow('each', 3000),
  {
    id: 'broker/slow-disk',
    title: '1,000 messages to 1,000 new destinations and to ten, on a disk whose flushes take 4 ms',
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    limit: TEN,
    goals: [{ kind: 'ratio', to: TEN, atMost: 2 }],
    slowDisk: true,
    timeoutSeconds: 400,
    wholeRuns: true,
    apart: true,
    maxRounds: 3,
    field: async ({ smoke }) => {
      const { manyBesideFewField } = await import('./destinations.ts');
      return manyBesideFewField(
        smoke ? { messages: 60, destinations: 60 } : { messages: 1000, destinations: 1000 },
      );
    },
  },
  sendRow('broker/send', '5 kB messages, a call of send() for each, one after another', 1, 1, [
    { kind: 'share', of: LOCKSTEP, atLeast: 0.7 },
  ]),
  sendRow('broker/send-10', '5 kB messages, a call of send() for each, ten at a time', 10, 1, [
    { kind: 'share', of: LOCKSTEP, atLeast: 0.7 },
  ]),
  sendRow('broker/relay', '5 kB messages, each to ten recipients at ten domains, through a relay', 1, 10, []),
  pauseRow('accept', 'accepted durably'),
  pauseRow('deliver', 'delivered'),
  enqueueRow('broker/enqueue', 'a 5 kB message on the disk, one caller', 'p50', 1, 1.5),
  enqueueRow('broker/enqueue-p99', 'the slowest hundredth of such acceptances, 64 callers', 'p99', 64, 2),
  {
    ...enqueueRow(
      'broker/enqueue-alone',
      'a 5 kB message on the disk, one caller, no delivery',
      'p50',
      1,
      1.1,
    ),
    ...enqueueAlone('p50', 1),
  },
  {
    ...enqueueRow(
      'broker/enqueue-alone-64',
      'half of such acceptances, 64 callers, no delivery',
      'p50',
      64,
      1.3,
    ),
    ...enqueueAlone('p50', 64),
  },
  {
    ...enqueueRow(
      'broker/enqueue-slow-disk',
      'a 5 kB message on a disk whose flushes take 4 ms, one caller',
      'p50',
      1,
      1.5,
    ),
    slowDisk: true,
  },
  {
    ...enqueueRow(
      'broker/enqueue-slow-disk-p99',
      'the slowest hundredth of such acceptances, 64 callers',
      'p99',
      64,
      2,
    ),
    slowDisk: true,
  },
  telemetryRow('broker/telemetry', 'metrics of OpenTelemetry’s SDK', true),
  telemetryRow('broker/telemetry-no-sdk', 'OpenTelemetry’s API without an SDK', false),
  {
    id: 'broker/webhook',
    title: '500 events of 500 messages told to a webhook that takes 20 ms for each',
    metric: 'wall',
    amount: { count: 1, unit: 'events' },
    limit: 'fetch, 32 at once',
    goals: [{ kind: 'share', of: 'fetch, 32 at once', atLeast: 0.5 }],
    wholeRuns: true,
    apart: true,
    maxRounds: 5,
    field: async ({ smoke }) => {
      const { webhookField } = await import('./webhook.ts');
      return webhookField({ count: smoke ? 40 : 500, answerMs: 20 });
    },
  },
  slowBesideRow(12),
  slowBesideRow(100),
  millionRow('broker/million', 'a claim from one SQLite file, by what else is queued', 'p50', [
    { kind: 'ratio', to: FEW, atMost: 1.25 },
  ]),
  millionRow('broker/million-p99', 'the slowest hundredth of such claims', 'p99', [
    { kind: 'ratio', to: FEW, atMost: 2 },
  ]),
  {
    id: 'broker/million-peak',
    title: 'a million recipients accepted into one SQLite file, then claimed from',
    metric: 'peak',
    amount: { count: 1, unit: 'queues' },
    limit: FEW,
    goals: [{ kind: 'above', base: FEW, atMostBytes: 128 * MIB }],
    heavy: true,
    timeoutSeconds: 600,
    maxRounds: 3,
    field: async (scale) => {
      const { millionPeakField } = await import('./million.ts');
      return millionPeakField(millionSizes(scale));
    },
  },
];

/** Processor time of a message in a broker while it is measured, and while it is not. */
function telemetryRow(id: string, what: string, withSdk: boolean): Row {
  const plain = 'not measured';
  return {
    id,
    title: `5 kB messages accepted durably and delivered, with ${what}`,
    metric: 'cpu',
    amount: { count: 1, unit: 'messages' },
    limit: plain,
    goals: [
      { kind: 'ratio', to: plain, atMost: 1.03, confident: true },
      { kind: 'profile', below: 'packages/broker/src/telemetry/', atMost: 0.03 },
    ],
    timeoutSeconds: 600,
    wholeRuns: true,
    switched: true,
    minRounds: 600,
    field: async ({ smoke }) => {
      const { telemetryField } = await import('./telemetry.ts');
      return telemetryField(smoke ? 50 : 100, withSdk, smoke);
    },
  };
}

/** 3,000 messages spread over destinations that were never sent to before. */
function destinationsRow(name: string, destinations: number): Row {
  const messages = 3000;
  const each = messages === destinations ? 'one each' : `${messages / destinations} each`;
  return {
    id: `broker/destinations-${name}`,
    title: `3,000 messages of 5 kB accepted durably and delivered to ${destinations} new destinations, ${each}`,
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    destinations,
    limit: FLOOR,
    goals: [
      { kind: 'share', of: FLOOR, atLeast: 0.5 },
      { kind: 'share', of: 'nodemailer without a queue', atLeast: 1 },
    ],
    timeoutSeconds: 400,
    wholeRuns: true,
    apart: true,
    maxRounds: 3,
    field: async ({ smoke }) => {
      const { destinationsField } = await import('./destinations.ts');
      return destinationsField(
        smoke ? { messages: 60, destinations: Math.min(destinations, 60) } : { messages, destinations },
      );
    },
  };
}

/** Messages that are sent at once, without a queue. */
function sendRow(
  id: string,
  title: string,
  callers: number,
  recipients: 1 | 10,
  goals: readonly Goal[],
): Row {
  return {
    id,
    title,
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    limit: LOCKSTEP,
    goals: [{ kind: 'share', of: 'nodemailer pool', atLeast: 1 }, ...goals],
    wholeRuns: true,
    apart: true,
    maxRounds: 5,
    field: async ({ smoke }) => {
      const { oneRecipient, sendField, tenRecipients } = await import('./send.ts');
      return sendField({
        count: smoke ? 20 : 1000,
        callers,
        recipients: recipients === 1 ? oneRecipient : tenRecipients,
        floor: 'lockstep',
        withoutServers: smoke,
      });
    },
  };
}

/** What a large message keeps the event loop from. */
function pauseRow(name: 'accept' | 'deliver', what: string): Row {
  return {
    id: `broker/pause-${name}`,
    title: `the longest pause of the event loop while a message of 40 MB is ${what}`,
    metric: 'pause',
    amount: { count: 1, unit: 'messages' },
    limit: name === 'accept' ? 'floor: base64 to a file' : 'floor: base64 to a socket',
    goals: [{ kind: 'micros', atMost: 10_000 }],
    wholeRuns: true,
    apart: true,
    maxRounds: 5,
    field: async ({ smoke }) => {
      const { pauseAcceptField, pauseDeliverField } = await import('./pause.ts');
      const task = { attachmentBytes: smoke ? 300_000 : 29_000_000 };
      return name === 'accept' ? pauseAcceptField(task) : pauseDeliverField(task);
    },
  };
}

/** Acceptances, each waited for, while what was accepted before is delivered. */
function enqueueRow(id: string, title: string, metric: QuantileMetric, callers: number, atMost: number): Row {
  return {
    id,
    title,
    metric,
    amount: { count: 1, unit: 'acceptances' },
    limit: FLOOR,
    goals: [{ kind: 'ratio', to: FLOOR, atMost }],
    wholeRuns: true,
    apart: true,
    timeoutSeconds: 300,
    field: async ({ smoke }) => {
      const { enqueueField } = await import('./enqueue.ts');
      // One caller waits for each acceptance: as many of these take three times as long.
      const count = callers === 1 ? 1000 : 3000;
      return enqueueField({ metric, callers, count: smoke ? 50 : count, withoutServers: smoke });
    },
  };
}

function enqueueAlone(metric: QuantileMetric, callers: number): Pick<Row, 'field'> {
  return {
    field: async ({ smoke }) => {
      const { enqueueAloneField } = await import('./enqueue.ts');
      return enqueueAloneField({ metric, callers, count: smoke ? 50 : 3000, withoutServers: smoke });
    },
  };
}

/** Messages to a destination that answers, one every 25 ms, beside destinations that do not answer within the run. */
function slowBesideRow(slow: number): Row {
  return {
    id: `broker/fast-beside-${slow}`,
    title: `a fast destination beside ${slow} that take 50 s to answer: the slowest hundredth, from enqueue() to delivery`,
    metric: 'p99',
    amount: { count: 1, unit: 'messages' },
    limit: 'no slow destinations',
    goals: [{ kind: 'micros', atMost: 200_000 }],
    wholeRuns: true,
    apart: true,
    maxRounds: 3,
    field: async ({ smoke }) => {
      const { slowBesideField } = await import('./slow-beside.ts');
      return slowBesideField({
        slow,
        count: smoke ? 20 : 200,
        everyMs: 25,
        withoutServers: smoke,
      });
    },
  };
}

/** Claims of five recipients each, of which 1,000 are due in any queue. */
function millionRow(id: string, title: string, metric: QuantileMetric, goals: readonly Goal[]): Row {
  return {
    id,
    title,
    metric,
    amount: { count: 1, unit: 'claims' },
    limit: FEW,
    goals,
    heavy: true,
    timeoutSeconds: 600,
    wholeRuns: true,
    field: async (scale) => {
      const { claimField } = await import('./million.ts');
      return claimField(metric, millionSizes(scale));
    },
  };
}

function millionSizes({ smoke }: Scale): readonly [most: number, ...others: number[]] {
  return smoke ? [3_000, 2_000, 1_000] : [1_000_000, 100_000, 1_000];
}
