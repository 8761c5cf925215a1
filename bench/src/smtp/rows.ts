import type { Goal, Row, Scale } from '../harness/row.ts';
import type { Course } from './course.ts';

const MB = 1_000_000;
const OVERLAP = 'floor: overlap';
const BDAT_WINDOW = 'floor: bdat-window';

/** Rows of @mb/smtp-client. */
export const smtpRows: readonly Row[] = [
  smtpRow(
    'smtp/plain-1',
    '5 kB messages to smtp-sink, 1 connection',
    OVERLAP,
    [share(OVERLAP, 0.7), { kind: 'best' }, { kind: 'micros', atMost: 30, metric: 'cpu' }],
    { sink: 'postfix', connections: 1, count: 5000, floors: ['lockstep', 'one-write', 'overlap'] },
  ),
  smtpRow(
    'smtp/plain-10',
    '5 kB messages to smtp-sink, 10 connections',
    OVERLAP,
    [share(OVERLAP, 0.7), { kind: 'best' }],
    {
      sink: 'postfix',
      connections: 10,
      count: 5000,
      floors: ['overlap'],
    },
  ),
  smtpRow(
    'smtp/starttls-10',
    '5 kB messages, 10 connections with STARTTLS',
    OVERLAP,
    [share(OVERLAP, 0.6), { kind: 'best' }],
    {
      sink: 'own',
      startTls: true,
      connections: 10,
      count: 5000,
      floors: ['overlap'],
    },
  ),
  smtpRow(
    'smtp/starttls-10-bdat',
    '5 kB messages, 10 connections with STARTTLS and CHUNKING',
    BDAT_WINDOW,
    [share(BDAT_WINDOW, 0.4), { kind: 'best' }],
    {
      sink: 'own',
      startTls: true,
      chunking: true,
      connections: 10,
      count: 5000,
      floors: ['overlap', 'bdat-window'],
    },
  ),
  smtpRow(
    'smtp/link-20ms',
    '5 kB messages over a link of 20 ms, 1 connection',
    OVERLAP,
    [share(OVERLAP, 0.9), { kind: 'best' }],
    {
      sink: 'own',
      connections: 1,
      count: 20,
      roundTripMs: 20,
      floors: ['lockstep', 'one-write', 'overlap'],
    },
  ),
  smtpRow(
    'smtp/link-20ms-bdat',
    '5 kB messages over a link of 20 ms with CHUNKING, 1 connection',
    BDAT_WINDOW,
    [share(BDAT_WINDOW, 0.9), { kind: 'best' }],
    {
      sink: 'own',
      chunking: true,
      connections: 1,
      count: 200,
      roundTripMs: 20,
      floors: ['bdat-window'],
      peers: [],
    },
  ),
  smtpRow(
    'smtp/link-20ms-first',
    'the first 100 messages to a host, over a link of 20 ms with CHUNKING, 1 connection',
    OVERLAP,
    [share(OVERLAP, 0.9), { kind: 'best' }],
    {
      sink: 'own',
      chunking: true,
      connections: 1,
      count: 100,
      roundTripMs: 20,
      unknownHost: true,
      floors: ['overlap', 'bdat-window'],
      peers: [],
    },
  ),
  {
    id: 'smtp/sessions-1000',
    title: '1,000 sessions at once, one 5 kB message each',
    metric: 'wall',
    amount: { count: 1, unit: 'sessions' },
    limit: 'floor: one-write',
    goals: [{ kind: 'best' }],
    wholeRuns: true,
    apart: true,
    maxRounds: 5,
    field: async (scale) => (await import('./sessions.ts')).sessionsField(scale.smoke ? 30 : 1000),
  },
  {
    id: 'smtp/attachment-peak',
    title: 'peak memory of composing and delivering a 200 MB file',
    metric: 'peak',
    amount: { count: 200 * MB, unit: 'B' },
    limit: 'base64 to a socket',
    goals: [
      { kind: 'ratio', to: 'base64 to a socket', atMost: 1.15 },
      { kind: 'above', base: 'idle process', atMostBytes: 24 * 2 ** 20 },
      { kind: 'best' },
    ],
    heavy: true,
    wholeRuns: true,
    maxRounds: 3,
    timeoutSeconds: 300,
    field: async (scale) =>
      (await import('./attachment.ts')).attachmentField(scale.smoke ? 2 * MB : 200 * MB),
  },
];

function smtpRow(id: string, title: string, limit: string, goals: readonly Goal[], course: Course): Row {
  return {
    id,
    title,
    metric: 'wall',
    amount: { count: 1, unit: 'messages' },
    limit,
    goals,
    wholeRuns: true,
    apart: true,
    maxRounds: 5,
    needsServers: course.sink === 'postfix',
    field: async (scale: Scale) =>
      (await import('./course.ts')).courseField(
        scale.smoke ? { ...course, count: Math.min(course.count, 40) } : course,
      ),
  };
}

function share(of: string, atLeast: number): Goal {
  return { kind: 'share', of, atLeast };
}
