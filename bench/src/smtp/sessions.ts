import { connect } from '@mb/smtp-client';
import { createTransport } from 'nodemailer';
import type { Contender, Field } from '../harness/row.ts';
import { FloorConnection } from './floor.ts';
import { CLIENT, MESSAGE, RECIPIENT, SENDER } from './payload.ts';
import { startOwnSink } from './sink.ts';
import { Tally } from './tally.ts';

/** Opens the given number of sessions at once, delivers one message on each and closes it. */
export async function sessionsField(count: number): Promise<Field> {
  const sink = await startOwnSink({ chunking: false });
  const tally = new Tally(sink);
  const { port } = sink;
  const envelope = { from: SENDER, to: [RECIPIENT] };
  const transport = createTransport({ host: '127.0.0.1', port, name: CLIENT, ignoreTLS: true });
  const all = (session: () => Promise<boolean>) => async () => {
    const accepted = await Promise.all(Array.from({ length: count }, session));
    return accepted.filter(Boolean).length;
  };
  const contender = (
    name: string,
    role: Contender['role'],
    session: () => Promise<boolean>,
    packageName?: string,
  ): Contender => ({
    name,
    role,
    ...(packageName === undefined ? {} : { package: packageName }),
    run: all(session),
    check: (accepted) => tally.check(accepted, count, true),
  });
  const ours = async () => {
    const connection = await connect({ host: '127.0.0.1', port, hostname: CLIENT, tls: { level: 'none' } });
    const { recipients } = await connection.deliver(envelope, MESSAGE);
    await connection.close();
    return recipients[0]?.status === 'delivered';
  };
  const floor = async () => {
    const connection = await FloorConnection.open(port, false);
    const accepted = await connection.send(1, 'one-write');
    connection.close();
    return accepted === 1;
  };
  return {
    contenders: [
      contender('@mb/smtp-client', 'ours', ours),
      contender(
        'nodemailer',
        'peer',
        async () => (await transport.sendMail({ envelope, raw: MESSAGE })).accepted?.length === 1,
        'nodemailer',
      ),
      contender('floor: one-write', 'limit', floor),
    ],
    operationsPerRun: count,
    close: () => sink.stop(),
  };
}
