import { type BrokerOptions, MailBroker } from '@mb/broker';
import type { ManagedDomains } from '@mb/broker/domains';
import type { MailServer } from '@mb/server';
import { withManagedDomains } from '../domain/managed-profiles.ts';
import { warn } from '../output.ts';
import type { OpenStore } from '../queue/store.ts';
import { brokerOptions } from '../send/broker-options.ts';
import { webhookOptions } from '../webhook/webhook-access.ts';
import type { WorkLog } from '../work/log.ts';
import { logObservations } from '../work/until-stopped.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import type { ServeFlags } from './flags.ts';

/** A broker as the flags describe it, and what else comes from them. */
export interface ServiceSettings {
  readonly broker: MailBroker;
  readonly hostname: string;
  readonly certificate: Certificate | undefined;
  readonly dns: BrokerOptions['dns'];
}

/** Makes the broker of a service. @throws {CliError} for wrong flags, keys and files. */
export async function readSettings(
  flags: ServeFlags,
  store: OpenStore,
  log: WorkLog,
  domains: ManagedDomains | undefined,
): Promise<ServiceSettings> {
  const certificate = await readCertificate(flags);
  const own = await brokerOptions(flags, '', warn, 'queue');
  const options = domains ? await withManagedDomains(own, domains, flags) : own;
  const { concurrency } = flags;
  const broker = new MailBroker({
    ...options,
    ...webhookOptions(flags, options.webhooks),
    store,
    queue: { ...options.queue, ...(concurrency !== undefined && { concurrency }) },
  });
  logObservations(broker, log);
  return { broker, certificate, hostname: options.hostname, dns: options.dns };
}

/** The broker that works now, and those that end their last sessions after a reload. */
export class RunningBroker {
  readonly #server: MailServer;
  readonly #isWorker: boolean;
  readonly #graceMs: number;
  #current: MailBroker;
  readonly #ending = new Set<Promise<void>>();
  #stopping = false;

  constructor(server: MailServer, broker: MailBroker, { role, grace }: ServeFlags) {
    this.#server = server;
    this.#current = broker;
    this.#isWorker = role.includes('worker');
    this.#graceMs = grace * 1000;
  }

  start(): void {
    if (!this.#isWorker) return;
    this.#current.start();
    this.#current.webhooks.start();
  }

  /** Lets another broker take over, unless the service stops. Sessions of the old one go on to their end. */
  replace({ broker, certificate }: ServiceSettings): void {
    if (this.#stopping) return;
    if (certificate) this.#server.replaceCertificate(certificate);
    this.#server.replaceBroker(broker);
    const old = this.#current;
    this.#current = broker;
    this.start();
    const ending = old.close({ graceMs: this.#graceMs }).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all([this.#current.stop({ graceMs }), ...this.#ending]);
  }
}
