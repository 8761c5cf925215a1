import type { MailBroker } from '@mb/broker';

/** What the server uses of a broker. */
export type ServedBroker = Pick<
  MailBroker,
  | 'enqueue'
  | 'explain'
  | 'health'
  | 'events'
  | 'observe'
  | 'receiveReport'
  | 'queue'
  | 'suppressions'
  | 'records'
  | 'webhooks'
>;

/** The broker that the server uses now; another one on the same store may replace it. */
export class CurrentBroker implements ServedBroker {
  #broker: MailBroker;

  constructor(broker: MailBroker) {
    this.#broker = broker;
  }

  replace(broker: MailBroker): void {
    this.#broker = broker;
  }

  get queue(): MailBroker['queue'] {
    return this.#broker.queue;
  }

  get suppressions(): MailBroker['suppressions'] {
    return this.#broker.suppressions;
  }

  get webhooks(): MailBroker['webhooks'] {
    return this.#broker.webhooks;
  }

  get records(): MailBroker['records'] {
    return this.#broker.records;
  }

  enqueue(...args: Parameters<MailBroker['enqueue']>): ReturnType<MailBroker['enqueue']> {
    return this.#broker.enqueue(...args);
  }

  explain(...args: Parameters<MailBroker['explain']>): ReturnType<MailBroker['explain']> {
    return this.#broker.explain(...args);
  }

  events(...args: Parameters<MailBroker['events']>): ReturnType<MailBroker['events']> {
    return this.#broker.events(...args);
  }

  observe(...args: Parameters<MailBroker['observe']>): ReturnType<MailBroker['observe']> {
    return this.#broker.observe(...args);
  }

  receiveReport(...args: Parameters<MailBroker['receiveReport']>): ReturnType<MailBroker['receiveReport']> {
    return this.#broker.receiveReport(...args);
  }

  health(...args: Parameters<MailBroker['health']>): ReturnType<MailBroker['health']> {
    return this.#broker.health(...args);
  }
}
