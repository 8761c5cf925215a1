import { type EnqueueOptions, MailBroker, MemoryStore } from '@mb/broker';
import type { Message } from '@mb/mime';
import {
  type DnsServer,
  type SmtpHost,
  type SmtpHostOptions,
  startDnsServer,
  startSmtpHost,
} from '@mb/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type components, createClient } from '../src/client/client.ts';
import { createServer } from '../src/index.ts';

type Body = components['schemas']['Message'];

/** A message for the library; `json` where JSON spells it in another way. */
interface Delivery {
  readonly message: Message;
  readonly options?: EnqueueOptions;
  readonly json?: Partial<Body>;
}

const basis = {
  from: 'Ann <ann@sender.test>',
  subject: 'Grüße',
  text: 'Hello',
  messageId: 'one@sender.test',
} as const;
const date = new Date('2026-01-02T03:04:05Z');
const image = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

const deliveries: Readonly<Record<string, Delivery>> = {
  'one recipient': { message: { ...basis, to: 'Bob <bob@good.test>' } },
  'three domains, cc and bcc': {
    message: { ...basis, to: 'a@good.test', cc: ['b@other.test', 'c@good.test'], bcc: 'd@third.test' },
  },
  'a mailbox that is not there': { message: { ...basis, to: ['nobody@picky.test', 'bob@picky.test'] } },
  'a host that defers': { message: { ...basis, to: 'bob@busy.test' } },
  'a host that refuses the sender': { message: { ...basis, to: 'bob@closed.test' } },
  'a host that refuses the content': { message: { ...basis, to: 'bob@strict.test' } },
  'a domain that does not exist': { message: { ...basis, to: 'bob@nowhere.test' } },
  'a domain that takes no mail': { message: { ...basis, to: 'bob@null.test' } },
  'two views, an attachment and an image of the text': {
    message: {
      ...basis,
      to: 'bob@good.test',
      html: '<p>Grüße <img src="cid:logo@sender.test"></p>',
      attachments: [
        { filename: 'Bericht ü.txt', content: Buffer.from('Zeile 1\r\n') },
        { filename: 'logo.png', content: image, contentId: 'logo@sender.test', disposition: 'inline' },
      ],
    },
    json: {
      attachments: [
        { filename: 'Bericht ü.txt', content: Buffer.from('Zeile 1\r\n').toString('base64') },
        {
          filename: 'logo.png',
          content: image.toString('base64'),
          contentId: 'logo@sender.test',
          disposition: 'inline',
        },
      ],
    },
  },
  'what a newsletter has': {
    message: {
      ...basis,
      to: { name: 'Bob, the reader', address: 'bob@good.test' },
      replyTo: 'desk@sender.test',
      list: { id: 'news.sender.test', unsubscribe: 'https://sender.test/u/1', oneClick: true },
      headers: { 'X-Campaign': 'spring' },
      precedence: 'bulk',
      inReplyTo: '<zero@sender.test>',
    },
  },
  'an address beyond ASCII': { message: { ...basis, to: 'jürgen@good.test' } },
  'verified TLS where there is none': {
    message: { ...basis, to: 'bob@good.test' },
    options: { delivery: { requireTls: true } },
    json: { delivery: { requireTls: true } },
  },
  'an envelope of its own': {
    message: {
      ...basis,
      to: 'list@sender.test',
      envelope: { from: 'back@sender.test', to: ['bob@good.test'] },
    },
  },
};

const cases = Object.entries(deliveries);

const scripts: Readonly<Record<string, SmtpHostOptions['script']>> = {
  good: {},
  picky: { recipients: { 'nobody@picky.test': '550 5.1.1 No such user here' } },
  busy: { rcpt: '451 4.7.1 Greylisted, please try again later' },
  closed: { mail: '550 5.7.1 Your domain is blocked here' },
  strict: { content: '552 5.3.4 Message too big for system' },
};

const hosts: Record<string, SmtpHost> = {};
let dns: DnsServer;

beforeAll(async () => {
  let port = 0;
  for (const [at, [name, script]] of Object.entries(scripts).entries()) {
    const address = `127.0.35.${at + 1}`;
    hosts[name] = await startSmtpHost({ address, port, hostname: `mx.${name}.test`, script: script! });
    port = hosts[name].port;
  }
  const records = Object.fromEntries(
    Object.entries(hosts).flatMap(([name, { address }]) => [
      [name, { MX: `10 mx.${name}.test` }],
      [`mx.${name}`, { A: address }],
    ]),
  );
  const more = { other: { MX: '10 mx.good.test' }, third: { MX: '10 mx.good.test' }, null: { MX: '0 .' } };
  dns = await startDnsServer({ zones: { test: { records: { ...records, ...more } } } });
});

afterAll(async () => {
  await Promise.all([dns.close(), ...Object.values(hosts).map((host) => host.close())]);
});

/** What came of a delivery: the last event of each recipient, and what the hosts got. */
async function deliver(enqueue: (broker: MailBroker) => Promise<unknown>) {
  const before = Object.values(hosts).map(({ messages }) => messages.length);
  const store = new MemoryStore();
  await using broker = new MailBroker({
    hostname: 'client.test',
    dns: { servers: [`${dns.address}:${dns.port}`] },
    store,
    runtime: { randomBytes: (size) => Buffer.alloc(size, 7) },
    delivery: { port: hosts.good!.port, allowAddresses: ['127.0.0.0/8'] },
    queue: { bounces: false },
  });
  const { recipients } = (await enqueue(broker)) as { recipients: readonly unknown[] };
  broker.start();
  const ended = new Map<string, object>();
  for await (const { type, address, detail } of broker.events({ after: 'start' })) {
    if (!['delivered', 'failed', 'deferred'].includes(type)) continue;
    const { category, enhanced, rule, stage } = detail as Readonly<Record<string, unknown>>;
    ended.set(address!, { type, category, enhanced, rule, stage });
    if (ended.size === recipients.length) break;
  }
  const received = Object.values(hosts).flatMap(({ messages }, at) =>
    messages.slice(before[at]).map(({ from, recipients, content }) => ({
      from,
      recipients,
      content: content.toString('latin1'),
    })),
  );
  const order = (one: unknown) => JSON.stringify(one);
  return {
    ended: [...ended].sort(),
    received: received.sort((one, other) => order(one).localeCompare(order(other))),
  };
}

it.each(cases)('SRV-70 the typed client delivers as the library does: %s', async (_, given) => {
  const { message, options, json } = given;
  const byLibrary = await deliver((broker) => broker.enqueue({ ...message, date }, options));
  const byClient = await deliver(async (broker) => {
    await using server = createServer({ broker });
    const { port } = await server.listen({ port: 0 });
    const { token } = await server.keys.create({ name: 'test', scopes: ['send'] });
    const client = createClient({ url: `http://127.0.0.1:${port}`, token });
    const body = { ...message, ...json, date: date.toISOString() } as Body;
    const { data, error } = await client.POST('/v1/messages', { body });
    expect(error).toBeUndefined();
    return data;
  });
  expect(byLibrary.ended.length).toBeGreaterThan(0);
  expect(byClient).toEqual(byLibrary);
});
