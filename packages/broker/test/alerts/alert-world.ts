import type { Duplex } from 'node:stream';
import { createMemoryResolver } from '@mb/dns/memory';
import { connect } from '@mb/smtp-client';
import { createSeededRandom, startWebhookReceiver, VirtualClock } from '@mb/testkit';
import { type HostTrouble, type Mailbox, troubleKinds } from '../../simulation/scenario.ts';
import { SimulatedHost } from '../../simulation/simulated-host.ts';
import { type AlertOptions, Alerts } from '../../src/alerts/index.ts';
import { MailBroker, MailQueue, MemoryStore } from '../../src/index.ts';

export const minute = 60_000;

/** A name of the world's DNS and the address of the host that its mail goes to. */
const exchangers = {
  'ops.test': ['mx.ops.test', '192.0.2.1'],
  'one.test': ['mx.one.test', '192.0.2.2'],
  'two.test': ['mx.two.test', '192.0.2.3'],
  'gmail.test': ['aspmx.l.google.com', '192.0.2.4'],
} as const;

/**
 * A worker with its queue, and hosts that answer in virtual time. A receiver of webhooks is called in real time, since it
 * listens on a real socket.
 */
export async function startAlertWorld(options: AlertOptions = {}) {
  // Code that the client loads at its first connection takes real time, of which none may pass in a virtual minute.
  const refused = () => Promise.reject(new Error('No server is there.'));
  await connect({ host: '192.0.2.1', hostname: 'mail.sender.test', openSocket: refused }).catch(() => {});
  // Some hours ago, so that webhooks, which are called in real time, are due.
  const clock = new VirtualClock(Date.now() - 12 * 3_600_000);
  const trouble = { faulty: false, silent: false };
  const mailboxes = new Map<string, Mailbox>();
  const mails = { taken: 0 };
  const hosts = new Map<string, SimulatedHost>();
  for (const [name, address] of Object.values(exchangers)) {
    // While there is trouble, mx.two.test answers each command with 421 and closes.
    const likelihood = (kind: string) => Number(kind === 'closing421' && name === 'mx.two.test');
    const plan = {
      name,
      address,
      keywords: ['PIPELINING', 'ENHANCEDSTATUSCODES'],
      latencyMs: [20, 40],
      buffers: false,
      sessionLimit: undefined,
      relay: false,
      trouble: Object.fromEntries(
        troubleKinds.map((kind) => [kind, likelihood(kind)]),
      ) as unknown as HostTrouble,
    } as const;
    const world = {
      clock,
      mailboxes,
      refusals: new Map<string, number>(),
      faulty: () => trouble.faulty,
      touch: () => 0,
      accepted: ({ recipients }: { readonly recipients: readonly string[] }) => {
        if (recipients.includes('ops@ops.test')) mails.taken++;
      },
    };
    hosts.set(address, new SimulatedHost(plan, world, createSeededRandom(1)));
  }
  const dns = createMemoryResolver({
    's1._domainkey.sender.test': { TXT: 'v=DKIM1; p=x' },
    'sender.test': { A: '192.0.2.9' },
    ...Object.fromEntries(
      Object.entries(exchangers).flatMap(([domain, [name, address]]) => [
        [domain, { MX: [[10, name] as const] }],
        [name, { A: address }],
      ]),
    ),
  });
  const store = new MemoryStore({ clock });
  await store.open();
  const receiver = await startWebhookReceiver();
  const webhooks = { allowAddresses: ['127.0.0.0/8'] };
  const caller = new MailQueue({ store, dns, webhooks });
  await caller.webhooks.add({ url: receiver.url, types: ['alert-fired', 'alert-recovered'] });
  caller.webhooks.start();

  const startBroker = () =>
    new MailBroker({
      hostname: 'mail.sender.test',
      dns,
      store,
      webhooks,
      delivery: { allowAddresses: ['192.0.2.0/24'] },
      tls: { mtaSts: false, dane: false },
      queue: { retention: null, bounces: false },
      runtime: {
        clock,
        openSocket: ({ address, signal }: { readonly address: string; readonly signal?: AbortSignal }) =>
          trouble.silent
            ? new Promise<Duplex>((_, reject) =>
                signal?.addEventListener('abort', () => reject(signal.reason)),
              )
            : Promise.resolve(hosts.get(address)!.connect(1).client as Duplex),
      } as never,
    });
  let broker = startBroker();
  /** Sessions end in virtual time. */
  const stopBroker = async () => {
    let ended = false;
    const stopping = broker.stop({ graceMs: 0 }).finally(() => {
      ended = true;
    });
    while (!ended) await clock.advance(100);
    await stopping;
  };
  const failures: unknown[] = [];
  const startAlerts = () => {
    const alerts = new Alerts(broker, {
      clock,
      name: 'mx1',
      mail: { from: 'alerts@sender.test', to: 'ops@ops.test' },
      resolver: dns,
      onError: (error) => failures.push(error),
      ...options,
    });
    alerts.start();
    return alerts;
  };
  let alerts = startAlerts();
  const number = { next: 0 };
  return {
    clock,
    dns,
    store,
    receiver,
    trouble,
    failures,
    /** How many messages about alerts their recipient has. */
    mails: () => mails.taken,
    get broker() {
      return broker;
    },
    get alerts() {
      return alerts;
    },
    /** Queues one message to `count` recipients at a domain. */
    async queue(
      domain: keyof typeof exchangers,
      count: number,
      kind: 'good' | 'unknown-user' | 'blocking' = 'good',
    ) {
      const to = Array.from({ length: count }, () => `u${number.next++}@${domain}`);
      for (const address of to) mailboxes.set(address, { kind });
      await broker.enqueue({ from: 'ann@sender.test', to, subject: 'S', text: 'T' });
    },
    stopBroker,
    async check(times = 1) {
      for (let left = times; left > 0; left--) await alerts.check();
    },
    /** Another process takes the place of this one. */
    async restart() {
      await alerts.stop();
      await stopBroker();
      broker = startBroker();
      broker.start();
      alerts = startAlerts();
    },
    async [Symbol.asyncDispose]() {
      await alerts.stop();
      await stopBroker();
      await caller.close();
      await store.close();
      await receiver.close();
    },
  };
}

export type AlertWorld = Awaited<ReturnType<typeof startAlertWorld>>;
