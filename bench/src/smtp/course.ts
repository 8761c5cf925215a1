import { createSelfSignedCertificate } from '@mb/testkit';
import type { Absence, Contender, Field } from '../harness/row.ts';
import { floor, nodemailer, ours, smtpSource, type Task, upyo } from './clients.ts';
import { startDelayProxy } from './delay-proxy.ts';
import type { FloorStyle } from './floor.ts';
import { hasPostfixTools, type Sink, startOwnSink, startPostfixSink } from './sink.ts';
import { Tally } from './tally.ts';

/** One way of sending messages: to which sink, over what, how many at a time. */
export interface Course {
  readonly sink: 'postfix' | 'own';
  readonly startTls?: boolean;
  readonly chunking?: boolean;
  readonly connections: number;
  /** Messages in one run. */
  readonly count: number;
  /** A delaying proxy is between client and sink. */
  readonly roundTripMs?: number;
  /** Ours begins each run with a new connection to a host of which nothing is known. Default false. */
  readonly unknownHost?: boolean;
  readonly floors: readonly FloorStyle[];
  /** Default all that can take part. */
  readonly peers?: readonly PeerName[];
}

type PeerName = 'nodemailer' | 'upyo' | 'smtp-source';

const peers: Readonly<Record<PeerName, (task: Task) => Contender>> = {
  nodemailer,
  upyo,
  'smtp-source': smtpSource,
};

/** Starts the sink, and the proxy where there is one, and puts the contenders in front of it. */
export async function courseField(course: Course): Promise<Field> {
  if (course.sink === 'postfix' && !hasPostfixTools()) {
    return {
      contenders: [],
      absent: [{ name: 'all', reason: 'smtp-sink is missing: install the package postfix' }],
    };
  }
  const sink = await startSink(course);
  const proxy =
    course.roundTripMs === undefined
      ? undefined
      : await startDelayProxy({ port: sink.port, oneWayMs: course.roundTripMs / 2 });
  const task: Task = {
    port: proxy?.port ?? sink.port,
    connections: course.connections,
    count: course.count,
    startTls: course.startTls ?? false,
    unknownHost: course.unknownHost ?? false,
    tally: new Tally(sink),
  };
  const { names, absent } = peersOf(course);
  return {
    contenders: [
      ours(task),
      ...names.map((name) => peers[name](task)),
      ...course.floors.map((style) => floor(style, task)),
    ],
    absent,
    operationsPerRun: course.count,
    close: async () => {
      proxy?.stop();
      await sink.stop();
    },
  };
}

async function startSink({ sink, startTls, chunking }: Course): Promise<Sink> {
  if (sink === 'postfix') return startPostfixSink();
  const certificate = startTls
    ? await createSelfSignedCertificate({ names: ['sink.example.com'] })
    : undefined;
  return startOwnSink({
    chunking: chunking ?? false,
    ...(certificate === undefined ? {} : { certificate: { key: certificate.key, cert: certificate.cert } }),
  });
}

function peersOf(course: Course): { names: readonly PeerName[]; absent: readonly Absence[] } {
  const names = course.peers ?? (['nodemailer', 'upyo', 'smtp-source'] as const);
  const absent: Absence[] = [];
  const able = names.filter((name) => {
    if (name !== 'smtp-source') return true;
    const reason = course.startTls
      ? 'has no STARTTLS'
      : hasPostfixTools()
        ? undefined
        : 'is not installed (package postfix)';
    if (reason !== undefined) absent.push({ name, reason });
    return reason === undefined;
  });
  return { names: able, absent };
}
