import { MailBroker } from '@mb/broker';
import { createTransport, type Transporter } from 'nodemailer';
import { forEachLimit } from '../harness/parallel.ts';
import type { Contender, Field } from '../harness/row.ts';
import { FloorConnection, type FloorStyle, FloorWrites } from '../smtp/floor.ts';
import { CLIENT, MESSAGE, RECIPIENT, SENDER } from '../smtp/payload.ts';
import type { Sink } from '../smtp/sink.ts';
import { Tally } from '../smtp/tally.ts';
import { startSink } from './queue.ts';

/** Messages that are sent at once, each by a call of its own, without a queue. */
export interface SendTask {
  readonly count: number;
  /** Calls under way at a time. */
  readonly callers: number;
  /** Recipients of each message, all of which one relay takes. */
  readonly recipients: readonly string[];
  /** How the floor uses the protocol. */
  readonly floor: FloorStyle;
  readonly withoutServers: boolean;
}

/** The one recipient of most rows, and ten at ten domains. */
export const oneRecipient: readonly string[] = [RECIPIENT];
export const tenRecipients: readonly string[] = Array.from({ length: 10 }, (_, at) => `jane@d${at}.test`);

/** One call; tells whether all recipients were accepted. */
type SendOne = () => Promise<boolean>;

export async function sendField(task: SendTask): Promise<Field> {
  const sink = await startSink(task.withoutServers);
  const tally = new Tally(sink);
  return {
    contenders: [
      ours(sink, tally, task),
      nodemailer(sink, tally, task, false),
      nodemailer(sink, tally, task, true),
      floor(sink, tally, task),
    ],
    operationsPerRun: task.count,
    close: () => sink.stop(),
  };
}

/** Runs the calls, and compares what they say with what the sink took: one message each, however many recipients. */
function contender(
  tally: Tally,
  task: SendTask,
  who: Pick<Contender, 'name' | 'role' | 'package' | 'close'>,
  sendOne: SendOne,
): Contender {
  return {
    ...who,
    run: async () => {
      let accepted = 0;
      await forEachLimit(Array.from({ length: task.count }), task.callers, async () => {
        if (await sendOne()) accepted++;
      });
      return accepted;
    },
    check: (accepted) => tally.check(accepted, task.count, true),
  };
}

function ours(sink: Sink, tally: Tally, task: SendTask): Contender {
  const broker = new MailBroker({
    hostname: CLIENT,
    delivery: {
      routes: { '*': { type: 'smarthost', host: '[127.0.0.1]', port: sink.port, tls: 'none' } },
    },
  });
  const message = { raw: MESSAGE, envelope: { from: SENDER, to: [...task.recipients] } };
  const close = () => broker.close({ graceMs: 0 });
  return contender(tally, task, { name: '@mb/broker', role: 'ours', close }, async () => {
    const outcomes = await broker.send(message);
    return outcomes.every(({ status }) => status === 'delivered');
  });
}

function nodemailer(sink: Sink, tally: Tally, task: SendTask, pool: boolean): Contender {
  const options = { host: '127.0.0.1', port: sink.port, name: CLIENT, ignoreTLS: true };
  const transport: Pick<Transporter, 'sendMail' | 'close'> = pool
    ? createTransport({
        ...options,
        pool,
        maxConnections: task.callers,
        maxMessages: Number.POSITIVE_INFINITY,
      })
    : createTransport(options);
  const message = { raw: MESSAGE, envelope: { from: SENDER, to: [...task.recipients] } };
  const name = pool ? 'nodemailer pool' : 'nodemailer';
  const close = () => transport.close();
  return contender(tally, task, { name, role: 'peer', package: 'nodemailer', close }, async () => {
    const { accepted } = await transport.sendMail(message);
    return accepted?.length === task.recipients.length;
  });
}

/** A bare connection for each caller, which stays open. */
function floor(sink: Sink, tally: Tally, task: SendTask): Contender {
  const idle: FloorConnection[] = [];
  const writes = new FloorWrites(task.recipients);
  const close = () => {
    for (const connection of idle) connection.close();
  };
  return contender(tally, task, { name: `floor: ${task.floor}`, role: 'limit', close }, async () => {
    const connection = idle.pop() ?? (await FloorConnection.open(sink.port, false));
    const accepted = await connection.send(1, task.floor, writes);
    idle.push(connection);
    return accepted === 1;
  });
}
