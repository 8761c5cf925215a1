import type { BrokerOptions, MailBroker } from '@mb/broker';
import type { AlertOptions, Alerts } from '@mb/broker/alerts';
import type { MailServer } from '@mb/server';
import { serviceAlertOptions } from '../alert/service-alerts.ts';
import type { QueueKeys } from '../domain/managed-profiles.ts';
import { warn } from '../output.ts';
import type { OpenStore } from '../queue/store.ts';
import { brokerOptions } from '../send/broker-options.ts';
import type { WorkLog } from '../work/log.ts';
import { queueBroker } from '../work/queue-broker.ts';
import { logObservations } from '../work/until-stopped.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import type { ServeFlags } from './flags.ts';

/** The settings of a service that a reload replaces. */
export interface ServiceSettings {
  readonly broker: MailBroker;
  readonly hostname: string;
  readonly certificate: Certificate | undefined;
  readonly dns: BrokerOptions['dns'];
  /** What alerts check, and where they are sent. */
  readonly alerts: AlertOptions;
}

/** Makes the broker and the other settings of a service. @throws {CliError} For wrong flags, keys and files. */
export async function readSettings(
  flags: ServeFlags,
  store: OpenStore,
  log: WorkLog,
  keys: QueueKeys,
): Promise<ServiceSettings> {
  const certificate = await readCertificate(flags);
  const options = await brokerOptions(flags, '', warn, 'queue');
  const broker = await queueBroker(options, flags, store, keys);
  const onError = (error: unknown) => log.onError(error);
  const alerts = await serviceAlertOptions({ flags, options, domains: keys.domains, onError });
  logObservations(broker, log);
  return { broker, certificate, hostname: options.hostname, dns: options.dns, alerts };
}

/** The current broker, and the brokers that finish their sessions after a reload. */
export class RunningBroker {
  readonly #server: MailServer;
  readonly #alerts: Alerts;
  readonly #isWorker: boolean;
  readonly #graceMs: number;
  #current: MailBroker;
  readonly #ending = new Set<Promise<void>>();
  readonly #onError: (error: unknown) => void;
  #stopping = false;

  /** @param onError  Called with errors of an old broker that is closing. */
  constructor(
    server: MailServer,
    broker: MailBroker,
    alerts: Alerts,
    { role, grace }: ServeFlags,
    onError: (error: unknown) => void,
  ) {
    this.#onError = onError;
    this.#server = server;
    this.#alerts = alerts;
    this.#current = broker;
    this.#isWorker = role.includes('worker');
    this.#graceMs = grace * 1000;
  }

  start(): void {
    if (!this.#isWorker) return;
    this.#current.start();
    this.#current.webhooks.start();
    this.#alerts.start();
  }

  /** Replaces the broker, unless the service is stopping. The old broker finishes its sessions. */
  replace({ broker, certificate, alerts }: ServiceSettings): void {
    if (this.#stopping) return;
    this.#alerts.replace(broker, alerts);
    if (certificate) this.#server.replaceCertificate(certificate);
    this.#server.replaceBroker(broker);
    const old = this.#current;
    this.#current = broker;
    this.start();
    const ending = old
      .close({ graceMs: this.#graceMs })
      .catch(this.#onError)
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await this.#alerts.stop();
    await Promise.all([this.#current.stop({ graceMs }), ...this.#ending]);
  }
}
