/**
 * Nodemailer's own SMTP transport and ours, each with the same messages for the same host: what a program reads of the
 * result is the same. The package nodemailer ships no tests; the cases are the behaviours that its documentation
 * promises of a transport. What differs on purpose is asserted at the end, and is in the README.
 */
import { MailBroker } from '@mb/broker';
import { relayRoute } from '@mb/broker/relay';
import { createMemoryResolver } from '@mb/dns/memory';
import { parseMessage } from '@mb/mime';
import { type SmtpHost, type SmtpHostOptions, startSmtpHost } from '@mb/testkit';
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import { describe, expect, it } from 'vitest';
import { mbTransport } from '../../src/index.ts';

const mail = { from: 'Ann <ann@sender.test>', to: 'bob@one.test', subject: 'Hi', text: 'Hello' };
const contenders = ['nodemailer', 'mb'] as const;
type Contender = (typeof contenders)[number];
// biome-ignore lint/suspicious/noExplicitAny: the results of two libraries.
type Sent = any;

interface Bench extends AsyncDisposable {
  readonly host: SmtpHost;
  readonly transporter: Transporter;
}

/** A host, and a transport of either library that gives it all mail. */
async function startBench(who: Contender, options: SmtpHostOptions = {}, defaults: SendMailOptions = {}) {
  const host = await startSmtpHost(options);
  const broker = new MailBroker({
    hostname: 'client.test',
    dns: createMemoryResolver({}),
    delivery: { routes: { '*': relayRoute(`smtp://${host.address}:${host.port}?tls=none`) } },
  });
  const smtp = { host: host.address, port: host.port, ignoreTLS: true, pool: true, maxConnections: 2 };
  const transporter =
    who === 'mb'
      ? createTransport(mbTransport({ broker }), defaults)
      : createTransport(smtp as never, defaults);
  const bench: Bench = {
    host,
    transporter: transporter as unknown as Transporter,
    async [Symbol.asyncDispose]() {
      transporter.close();
      await broker.close({ graceMs: 0 });
      await host.close();
    },
  };
  return bench;
}

/** What programs read of a result or of an error, without what differs from run to run. */
function read(result: Sent): object {
  const { code, command, response, responseCode } = result;
  if (result instanceof Error) return { error: { code, command, response, responseCode } };
  const { envelope, accepted, rejected, messageId, rejectedErrors = [] } = result;
  return {
    envelope,
    accepted,
    rejected,
    response,
    messageId: messageId.replace(/^<[^<>@\s]+@/, '<…@'),
    rejectedErrors: rejectedErrors.map((error: Sent) => ({ ...read(error), recipient: error.recipient })),
  };
}

/** The result of each library, and what its host got. */
async function both(message: SendMailOptions, options: SmtpHostOptions = {}) {
  const results = [];
  for (const who of contenders) {
    await using bench = await startBench(who, options);
    const result: Sent = await bench.transporter.sendMail({ ...mail, ...message }).catch((error) => error);
    const taken = bench.host.messages.map(({ from, recipients, parameters }) => ({
      from,
      to: recipients.map(({ address, parameters: asked }) => [address, ...asked]),
      asked: parameters.filter((each) => /^(?:RET|ENVID)=/.test(each)),
    }));
    results.push({ result, seen: read(result), taken });
  }
  return results as [(typeof results)[0], (typeof results)[0]];
}

const gone = '550 5.1.1 No such user';
const withoutChunking = { keywords: ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES'] };
const same: readonly [string, SendMailOptions, SmtpHostOptions?][] = [
  ['one recipient', {}],
  ['recipients of all fields', { to: 'A <a@one.test>, b@one.test', cc: ['c@one.test'], bcc: 'd@one.test' }],
  ['a recipient twice', { to: 'a@one.test, A <a@one.test>', cc: 'a@one.test' }],
  ['a group', { to: 'Team: a@one.test, B <b@one.test>;' }],
  ['an envelope', { envelope: { from: 'Bounces <bounces@sender.test>', to: 'x@one.test, y@one.test' } }],
  ['the null sender', { envelope: { from: '', to: ['x@one.test'] } }],
  ['a Message-ID of the program', { messageId: '<17@sender.test>' }],
  ['an address of UTF-8', { from: 'jürgen@sender.test', to: 'jörg@one.test' }],
  ['a domain of UTF-8', { to: 'bob@grüße.test' }],
  [
    'a raw message',
    { raw: 'From: a@sender.test\r\n\r\nx', envelope: { from: 'a@sender.test', to: 'b@one.test' } },
  ],
  [
    'a recipient that is refused',
    { to: 'bob@one.test, gone@one.test' },
    { script: { recipients: { 'gone@one.test': gone } } },
  ],
  ['recipients that are all refused', { to: 'a@one.test, b@one.test' }, { script: { rcpt: gone } }],
  ['a recipient that is refused for now', {}, { script: { rcpt: '451 4.3.0 Later' } }],
  ['a sender that is refused', {}, { script: { mail: '550 5.7.1 Not you' } }],
  ['content that is refused', {}, { script: { content: '554 5.7.1 Spam' } }],
  ['content that is refused for now', {}, { script: { content: '451 4.7.1 Later' } }],
  ['a client that is refused', {}, { script: { greeting: '554 5.3.2 No' } }],
  ['DSN', { dsn: { id: 'a1', return: 'headers', notify: ['failure', 'delay'], recipient: 'r@sender.test' } }],
  ['DSN in its other words', { dsn: { envid: 'a1', ret: 'full', notify: 'never' } as never }],
  ['no recipient', { to: undefined }],
  ['a recipient that is no address', { to: 'bob at one' }],
  ['too many recipients', { to: 'a@one.test, b@one.test', ...{ maxRecipients: 1 } }],
  ['a signal that has fired', { ...{ signal: AbortSignal.abort() } }],
];

it.each(same)('NM-12 gives the result of nodemailer for %s', async (_, message, options) => {
  const [theirs, ours] = await both(message, options);
  expect(ours.seen).toEqual(theirs.seen);
  expect(ours.taken).toEqual(theirs.taken);
});

it('NM-12 gives the error of nodemailer for a refused DATA', async () => {
  const [theirs, ours] = await both({}, { ...withoutChunking, script: { data: '554 5.7.1 No' } });
  expect(theirs.seen).toMatchObject({ error: { command: 'DATA', responseCode: 554 } });
  expect(ours.seen).toMatchObject({ error: { command: 'DATA', responseCode: 554 } });
});

it.each([
  ['a file that is missing', { attachments: [{ path: '/no/such/file' }] }],
  ['a file that is forbidden', { disableFileAccess: true, attachments: [{ path: '/etc/hostname' }] }],
  ['a URL that is forbidden', { disableUrlAccess: true, html: { href: 'http://127.0.0.1:1/' } }],
] as const)('NM-12 delivers nothing, as nodemailer, of a message with %s', async (_, message) => {
  const [theirs, ours] = await both(message as never);
  expect([theirs.result, ours.result]).toEqual([expect.any(Error), expect.any(Error)]);
  expect([theirs.taken, ours.taken]).toEqual([[], []]);
  expect(ours.result.message).toContain(theirs.result.message);
});

describe.each(contenders)('%s', (who) => {
  it('NM-37 names itself, and its version', async () => {
    await using bench = await startBench(who);
    const { name, version } = (bench.transporter as Sent).transporter;
    expect([name, version]).toEqual([expect.stringMatching(/./), expect.stringMatching(/^\d+\.\d+\.\d+/)]);
  });

  it('NM-13 fails the messages that are refused, of 60 at once, and no other', async () => {
    const refuse = ({ argument }: { argument: string }) =>
      argument.includes('bad@') ? '550 5.7.1 Not you' : undefined;
    await using bench = await startBench(who, { script: { mail: refuse } });
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, (_, i) =>
        bench.transporter.sendMail({ ...mail, from: i % 2 ? 'bad@sender.test' : 'ann@sender.test' }),
      ),
    );
    const expected = Array.from({ length: 60 }, (_, i) => (i % 2 ? 'rejected' : 'fulfilled'));
    expect(results.map(({ status }) => status)).toEqual(expected);
    expect(bench.host.messages).toHaveLength(30);
    expect(bench.host.sessions.length).toBeLessThan(30);
  });

  it('NM-38 applies the defaults of the transporter to messages that do not say otherwise', async () => {
    await using bench = await startBench(who, {}, { from: 'shop@sender.test', headers: { 'X-Shop': '1' } });
    const { from: _, ...rest } = mail;
    await bench.transporter.sendMail(rest);
    await bench.transporter.sendMail({ ...mail, headers: { 'X-Other': '2' } });
    const parsed = await Promise.all(bench.host.messages.map(({ content }) => parseMessage(content)));
    expect(parsed.map(({ headers }) => [headers.get('From'), headers.get('X-Shop')])).toEqual([
      ['shop@sender.test', '1'],
      ['Ann <ann@sender.test>', '1'],
    ]);
    expect(parsed[1]!.headers.get('X-Other')).toBe('2');
  });

  it.each(['compile', 'stream'])('NM-39 sends nothing when a plugin for %s fails', async (step) => {
    await using bench = await startBench(who);
    const failure = new Error('The plugin fails.');
    bench.transporter.use(step as 'compile', (_, done) => done(failure));
    await expect(bench.transporter.sendMail(mail)).rejects.toBe(failure);
    expect(bench.host.messages).toEqual([]);
  });

  it('NM-40 says that it is idle at first, and after its messages', async () => {
    await using bench = await startBench(who);
    let idle = 0;
    bench.transporter.on('idle', () => idle++);
    await expect.poll(() => idle).toBe(1);
    expect(bench.transporter.isIdle()).toBe(true);
    await Promise.all(Array.from({ length: 5 }, () => bench.transporter.sendMail(mail)));
    await expect.poll(() => bench.transporter.isIdle()).toBe(true);
    expect(idle).toBeGreaterThan(1);
  });

  it('NM-41 NM-51 refuses messages after close(), and finishes the one under way', async () => {
    let arrived = () => {};
    const content = () => {
      arrived();
      return new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100));
    };
    await using bench = await startBench(who, { script: { content } });
    const underWay = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const first = bench.transporter.sendMail(mail);
    await underWay;
    expect((bench.transporter as Sent).transporter.pendingCount()).toBe(1);
    bench.transporter.close();
    await expect(bench.transporter.sendMail(mail)).rejects.toThrow(/closed/);
    expect((await first).accepted).toEqual(['bob@one.test']);
    expect((bench.transporter as Sent).transporter.pendingCount()).toBe(0);
  });
});

it('NM-14 differs from nodemailer where the README says so', async () => {
  const [, later] = await both({}, { script: { rcpt: '451 4.3.0 Later' } });
  expect([later.result.rejected, later.result.pending]).toEqual([[], ['bob@one.test']]);
  const [theirs, ours] = await both({}, { script: { content: { raw: '', after: 'close' } } });
  expect([theirs.result.code, ours.result.code]).toEqual(['ECONNECTION', 'ETIMEDOUT']);
  const [sent, refused] = await both({ from: undefined });
  expect(sent.result.accepted).toEqual(['bob@one.test']);
  expect(refused.result.code).toBe('MB_BROKER_MESSAGE_SYNTAX');
});
