import { once } from 'node:events';
import { BrokerError, transactional } from '@mb/broker';
import { parseMessage } from '@mb/mime';
import { createBrokerDouble } from '@mb/testkit';
import { createTransport } from 'nodemailer';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mbTransport } from '../../src/index.ts';
import type { MbRecipientError } from '../../src/sent-message.ts';
import { startLab } from '../lab.ts';

const mail = { from: 'Ann <ann@sender.test>', to: 'bob@one.test', subject: 'Hi', text: 'Hello' };
const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('It resolved.'),
    (error: MbRecipientError) => error,
  );

describe.each(['nodemailer', 'mb'] as const)('composed by %s', (composer) => {
  it('NM-01 NM-42 gives what the hosts said as nodemailer users read it, with the outcomes beside', async () => {
    await using lab = await startLab(composer === 'mb' ? '71' : '72', {
      one: { recipients: { 'gone@one.test': '550 5.1.1 No such user' } },
      two: { rcpt: '451 4.3.0 Later' },
    });
    const transporter = createTransport(mbTransport({ broker: lab.broker, composer }));
    const info = await transporter.sendMail({
      ...mail,
      to: 'bob@one.test, "Gone" <gone@one.test>',
      cc: ['late@two.test'],
      bcc: 'hidden@one.test',
      messageId: '<17@sender.test>',
    });
    expect(info).toMatchObject({
      envelope: {
        from: 'ann@sender.test',
        to: ['bob@one.test', 'gone@one.test', 'late@two.test', 'hidden@one.test'],
      },
      messageId: '<17@sender.test>',
      accepted: ['bob@one.test', 'hidden@one.test'],
      rejected: ['gone@one.test'],
      pending: ['late@two.test'],
      response: expect.stringMatching(/^250 /),
    });
    expect(info.outcomes.map(({ status }: { status: string }) => status)).toEqual([
      'delivered',
      'failed',
      'deferred',
      'delivered',
    ]);
    expect(info.rejectedErrors).toMatchObject([
      { recipient: 'gone@one.test', responseCode: 550, code: 'EENVELOPE', command: 'RCPT TO' },
      { recipient: 'late@two.test', responseCode: 451, response: '451 4.3.0 Later' },
    ]);
    const parsed = await parseMessage(lab.one.messages[0]!.content);
    expect(parsed.headers.get('Message-ID')).toBe('<17@sender.test>');
    expect(parsed.headers.get('Bcc')).toBe(undefined);
    expect(parsed.text?.trimEnd()).toBe('Hello');
  });

  it('NM-02 fails as nodemailer does when no recipient is accepted', async () => {
    await using lab = await startLab(composer === 'mb' ? '73' : '74', {
      one: { rcpt: '550 5.1.1 No such user' },
    });
    const transporter = createTransport(mbTransport({ broker: lab.broker, composer }));
    expect(await rejection(transporter.sendMail(mail))).toMatchObject({
      code: 'EENVELOPE',
      responseCode: 550,
      rejected: ['bob@one.test'],
      rejectedErrors: [{ recipient: 'bob@one.test' }],
      pending: [],
    });
  });

  it('NM-03 NM-43 resolves when the queue has the message, which the worker delivers', async () => {
    await using lab = await startLab(composer === 'mb' ? '75' : '76');
    const transporter = createTransport(
      mbTransport({
        broker: lab.broker,
        composer,
        mode: 'queue',
        options: { ...transactional, tenant: 'shop' },
      }),
    );
    const info = await transporter.sendMail({ ...mail, ...{ mb: { tag: 'welcome' } } });
    expect(info).toMatchObject({
      accepted: ['bob@one.test'],
      rejected: [],
      pending: [],
      response: `250 2.0.0 Queued as ${info.queueId}`,
      outcomes: [{ status: 'queued', recipient: 'bob@one.test' }],
    });
    const view = await lab.broker.queue.show(info.queueId!);
    expect(view).toMatchObject({ tenant: 'shop', recipients: [{ tag: 'welcome' }] });
    lab.broker.start();
    const signal = AbortSignal.timeout(10_000);
    for await (const { type } of lab.broker.events({ after: 'start', signal }))
      if (type === 'delivered') break;
    expect(lab.one.messages).toHaveLength(1);
  });
});

it('NM-04 calls back once, with the result or the error', async () => {
  await using lab = await startLab('77');
  const transporter = createTransport(mbTransport({ broker: lab.broker }));
  const calls: unknown[][] = [];
  const sent = (message: object) =>
    new Promise<void>((resolve) =>
      transporter.sendMail(message, (...args) => {
        calls.push(args);
        resolve();
      }),
    );
  await sent(mail);
  await sent({ ...mail, from: 'ann@sender.test', to: 'bob@nowhere.test' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(calls).toEqual([
    [null, expect.objectContaining({ accepted: ['bob@one.test'] })],
    [expect.objectContaining({ code: 'EDNS', rejected: ['bob@nowhere.test'] }), undefined],
  ]);
});

it('NM-52 leaves what a callback throws to its program, and does not call it again', async () => {
  await using lab = await startLab('77');
  const transporter = createTransport(mbTransport({ broker: lab.broker }));
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  onTestFinished(() => {
    for (const listener of listeners) process.on('uncaughtException', listener);
  });
  const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
  let calls = 0;
  transporter.sendMail(mail, () => {
    calls++;
    throw new Error('thrown by the callback');
  });
  expect(await thrown).toMatchObject({ message: 'thrown by the callback' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(calls).toBe(1);
});

it('NM-05 is idle while it has room, and says so when it has room again', async () => {
  await using lab = await startLab('78');
  const transporter = createTransport(mbTransport({ broker: lab.broker, maxConcurrent: 2 }));
  await once(transporter, 'idle');
  expect(transporter.isIdle()).toBe(true);
  const left = Array.from({ length: 7 }, (_, i) => ({ ...mail, subject: String(i) }));
  const sent: Promise<unknown>[] = [];
  const pull = () => {
    while (transporter.isIdle() && left.length > 0) sent.push(transporter.sendMail(left.shift()!));
  };
  const all = new Promise<void>((resolve) => {
    transporter.on('idle', () => {
      pull();
      if (left.length === 0) resolve();
    });
  });
  pull();
  expect(sent.length).toBeLessThanOrEqual(7);
  await all;
  await Promise.all(sent);
  expect(lab.one.messages).toHaveLength(7);
});

it('NM-06 NM-44 takes nothing after close(), and leaves the broker open', async () => {
  await using lab = await startLab('79');
  const transporter = createTransport(mbTransport({ broker: lab.broker }));
  transporter.close();
  expect(transporter.isIdle()).toBe(false);
  expect(await rejection(transporter.sendMail(mail))).toMatchObject({ code: 'MB_NODEMAILER_CLOSED' });
  expect((await lab.broker.send(mail))[0]!.status).toBe('delivered');
});

it('NM-07 ends the attempt when the signal of a message fires', async () => {
  await using lab = await startLab('80', {
    one: { greeting: { delayMs: 30_000, reply: '220 late' } as never },
  });
  const transporter = createTransport(mbTransport({ broker: lab.broker }));
  const started = Date.now();
  const error = await rejection(transporter.sendMail({ ...mail, signal: AbortSignal.timeout(300) }));
  expect(error).toBeInstanceOf(Error);
  expect(Date.now() - started).toBeLessThan(20_000);
});

it('NM-08 NM-45 checks a message in mode send, and the store in mode queue', async () => {
  await using lab = await startLab('81');
  const named = createTransport(mbTransport({ broker: lab.broker }), { from: 'ann@one.test' });
  expect(await named.verify()).toBe(true);
  const wrong = createTransport(mbTransport({ broker: lab.broker, verifyFrom: 'ann@nowhere.test' }));
  await expect(wrong.verify()).rejects.toMatchObject({ code: 'MB_NODEMAILER_VERIFY' });
  const unnamed = createTransport(mbTransport({ broker: lab.broker }));
  await expect(unnamed.verify()).rejects.toMatchObject({ code: 'MB_NODEMAILER_VERIFY' });
  const queue = createTransport(mbTransport({ broker: lab.broker, mode: 'queue' }));
  expect(await new Promise((resolve) => queue.verify((error, ok) => resolve([error, ok])))).toEqual([
    null,
    true,
  ]);
});

it.each(['send', 'queue'] as const)('NM-09 passes dsn on to hosts that offer it: mode %s', async (mode) => {
  await using lab = await startLab(mode === 'send' ? '82' : '83');
  const transporter = createTransport(mbTransport({ broker: lab.broker, mode }));
  const dsn = { id: 'job-7', return: 'headers', notify: ['failure', 'delay'], recipient: 'list@sender.test' };
  await transporter.sendMail({ ...mail, dsn });
  lab.broker.start();
  for (let i = 0; lab.one.messages.length === 0 && i < 200; i++)
    await new Promise((resolve) => setTimeout(resolve, 25));
  const [message] = lab.one.messages;
  expect(message!.recipients[0]!.parameters).toEqual([
    'NOTIFY=FAILURE,DELAY',
    'ORCPT=rfc822;list@sender.test',
  ]);
  expect(message!.parameters).toEqual(expect.arrayContaining(['RET=HDRS', 'ENVID=job-7']));
});

it('NM-09 asks for verified TLS where requireTLSExtensionEnabled does', async () => {
  for (const mode of ['send', 'queue'] as const) {
    const double = createBrokerDouble();
    const transporter = createTransport(mbTransport({ broker: double.broker, mode }));
    await transporter.sendMail({ ...mail, ...{ requireTLSExtensionEnabled: true } });
    const { options } = double.calls[0]!;
    expect(options).toEqual(mode === 'send' ? { requireTls: true } : { delivery: { requireTls: true } });
  }
});

it('NM-09 reads dsn as nodemailer does', async () => {
  const double = createBrokerDouble();
  const transporter = createTransport(mbTransport({ broker: double.broker }));
  await transporter.sendMail({ ...mail, dsn: { ret: 'body', envid: 17 } as never });
  expect(double.calls[0]!.options).toEqual({ dsn: { ret: 'full', envid: '17' } });
  for (const [field, dsn] of [
    ['dsn.ret', { ret: 'all' }],
    ['dsn.notify', { notify: ['NEVER', 'DELAY'] }],
    ['dsn.notify', { notify: 'sometimes' }],
  ] as const) {
    expect(await rejection(transporter.sendMail({ ...mail, dsn: dsn as never }))).toMatchObject({
      code: 'MB_NODEMAILER_MESSAGE',
      field,
    });
  }
});

it('NM-10 keeps plugins, and the octets that nodemailer composes', async () => {
  await using lab = await startLab('84');
  const transporter = createTransport(mbTransport({ broker: lab.broker }));
  transporter.use('compile', (plugged, done) => {
    plugged.data.html = '<p>From a plugin</p>';
    done();
  });
  transporter.use('stream', (plugged, done) => {
    plugged.message.addHeader('X-Plugin', 'yes');
    done();
  });
  await transporter.sendMail({ ...mail, text: undefined });
  const parsed = await parseMessage(lab.one.messages[0]!.content);
  expect([parsed.headers.get('X-Plugin'), parsed.html?.trim()]).toEqual(['yes', '<p>From a plugin</p>']);
});

it('NM-11 gives the same queue id for the same idempotency key, and refuses another message under it', async () => {
  await using lab = await startLab('85');
  const transporter = createTransport(mbTransport({ broker: lab.broker, mode: 'queue', composer: 'mb' }));
  const one = { ...mail, messageId: '<1@sender.test>', ...{ mb: { idempotencyKey: 'order-1' } } };
  const first = await transporter.sendMail(one);
  const again = await transporter.sendMail(one);
  expect([again.queueId, again.duplicate]).toEqual([first.queueId, true]);
  const error = await rejection(transporter.sendMail({ ...one, text: 'Other' }));
  expect(BrokerError.isInstance(error) && error.code).toBe('MB_BROKER_IDEMPOTENCY_CONFLICT');
});
