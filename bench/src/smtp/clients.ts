/** The contenders: each opens its connections at its first run and keeps them, so that runs measure messages. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connect, HostExperience, type SmtpConnection } from '@mb/smtp-client';
import { createMessage } from '@upyo/core';
import { SmtpTransport } from '@upyo/smtp';
import { createTransport } from 'nodemailer';
import type { Contender } from '../harness/row.ts';
import { FloorConnection, type FloorStyle } from './floor.ts';
import { BODY, CLIENT, MESSAGE, RECIPIENT, SENDER } from './payload.ts';
import { SMTP_SOURCE } from './sink.ts';
import type { Tally } from './tally.ts';

/** What all contenders of a row are given. */
export interface Task {
  readonly port: number;
  readonly connections: number;
  /** Messages a run, over all connections. */
  readonly count: number;
  readonly startTls: boolean;
  /** Each run of ours opens new connections, to a host of which nothing is known. */
  readonly unknownHost: boolean;
  readonly tally: Tally;
}

/** Deliveries given to one of our connections at a time; more than it can have in flight. */
const OUTSTANDING = 32;

/** Our client: its default pipelining, BDAT where the server offers it, to a host that has earned the largest window. */
export function ours(task: Task): Contender {
  let open: Promise<SmtpConnection[]> | undefined;
  return {
    name: '@mb/smtp-client',
    role: 'ours',
    run: async () => {
      const experience = new HostExperience(task.unknownHost ? {} : { window: 16 });
      open ??= Promise.all(shares(task).map(() => openOurs(task, experience)));
      const connections = await open;
      const accepted = await Promise.all(shares(task).map((share, i) => deliverAll(connections[i]!, share)));
      if (task.unknownHost) {
        open = undefined;
        for (const connection of connections) connection.destroy();
      }
      return sum(accepted);
    },
    check: (accepted) => task.tally.check(accepted, task.count, true),
    close: async () => {
      for (const connection of (await open) ?? []) connection.destroy();
    },
  };
}

function openOurs({ port, startTls }: Task, experience: HostExperience): Promise<SmtpConnection> {
  return connect({
    host: '127.0.0.1',
    port,
    hostname: CLIENT,
    experience,
    // The sink's certificate is its own.
    tls: { level: startTls ? 'required' : 'none' },
  });
}

async function deliverAll(connection: SmtpConnection, count: number): Promise<number> {
  let begun = 0;
  let accepted = 0;
  const deliverNext = async (): Promise<void> => {
    while (begun < count) {
      begun++;
      const { recipients } = await connection.deliver({ from: SENDER, to: [RECIPIENT] }, MESSAGE);
      if (recipients[0]?.status === 'delivered') accepted++;
    }
  };
  await Promise.all(Array.from({ length: OUTSTANDING }, deliverNext));
  return accepted;
}

/** nodemailer's pool, given the octets of the message. */
export function nodemailer(task: Task): Contender {
  const transport = createTransport({
    pool: true,
    host: '127.0.0.1',
    port: task.port,
    name: CLIENT,
    secure: false,
    ignoreTLS: !task.startTls,
    requireTLS: task.startTls,
    tls: { rejectUnauthorized: false },
    maxConnections: task.connections,
    maxMessages: Number.POSITIVE_INFINITY,
  });
  const message = { envelope: { from: SENDER, to: [RECIPIENT] }, raw: MESSAGE };
  return {
    name: 'nodemailer pool',
    role: 'peer',
    package: 'nodemailer',
    run: async () => {
      const sent = await Promise.all(Array.from({ length: task.count }, () => transport.sendMail(message)));
      return sent.filter(({ accepted }) => accepted?.length === 1).length;
    },
    check: (accepted) => task.tally.check(accepted, task.count, true),
    close: () => transport.close(),
  };
}

/** upyo's pool; it takes no ready octets, so it composes a message of the same size each time. */
export function upyo(task: Task): Contender {
  const transport = new SmtpTransport({
    host: '127.0.0.1',
    port: task.port,
    secure: false,
    localName: CLIENT,
    poolSize: task.connections,
    tls: { rejectUnauthorized: false },
  });
  const message = createMessage({
    from: SENDER,
    to: RECIPIENT,
    subject: 'Your order 4478',
    content: { text: BODY },
  });
  const sendShare = async (count: number): Promise<number> => {
    let accepted = 0;
    const messages = Array.from({ length: count }, () => message);
    for await (const receipt of transport.sendMany(messages)) if (receipt.successful) accepted++;
    return accepted;
  };
  return {
    name: 'upyo',
    role: 'peer',
    package: '@upyo/smtp',
    run: async () => sum(await Promise.all(shares(task).map(sendShare))),
    check: (accepted) => task.tally.check(accepted, task.count, false),
    close: () => transport.closeAllConnections(),
  };
}

/** Postfix's load generator, in C; it makes a message of the same length and connects again in each run. */
export function smtpSource(task: Task): Contender {
  const options = ['-d', '-s', task.connections, '-m', task.count, '-l', MESSAGE.length].map(String);
  const run = promisify(execFile);
  return {
    name: 'smtp-source',
    role: 'peer',
    external: true,
    run: async () => {
      await run(SMTP_SOURCE, [...options, '-f', SENDER, '-t', RECIPIENT, `127.0.0.1:${task.port}`]);
      return task.count; // it exits with an error unless all were accepted
    },
    check: (accepted) => task.tally.check(accepted, task.count, false),
  };
}

/** What `node:net` allows in one style. */
export function floor(style: FloorStyle, task: Task): Contender {
  let open: Promise<FloorConnection[]> | undefined;
  return {
    name: `floor: ${style}`,
    role: 'limit',
    run: async () => {
      open ??= Promise.all(shares(task).map(() => FloorConnection.open(task.port, task.startTls)));
      const connections = await open;
      return sum(await Promise.all(shares(task).map((share, i) => connections[i]!.send(share, style))));
    },
    check: (accepted) => task.tally.check(accepted, task.count, true),
    close: async () => {
      for (const connection of (await open) ?? []) connection.close();
    },
  };
}

/** Messages of each connection. */
function shares({ count, connections }: Task): number[] {
  return Array.from({ length: connections }, (_, i) => Math.floor((count + i) / connections));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
