import { type BrokerOptions, MailBroker } from '@mb/broker';
import { type QueueKeys, withManagedDomains } from '../domain/managed-profiles.ts';
import type { MasterKeyFlags } from '../domain/master-key.ts';
import type { OpenStore } from '../queue/store.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import type { DeliveryFlags, SignatureFlags } from '../send/flags.ts';
import { type WebhookAllowFlag, webhookOptions } from '../webhook/webhook-access.ts';

/** Flags for the broker of a queue. */
export interface QueueBrokerFlags
  extends StoreFlags,
    SignatureFlags,
    DeliveryFlags,
    MasterKeyFlags,
    WebhookAllowFlag {
  readonly concurrency?: number;
}

/**
 * Makes the broker of a queue.
 *
 * @param own  The options from the flags and the configuration, without managed domains.
 * @param keys  The result of {@link openQueueKeys} for the same queue.
 */
export async function queueBroker(
  own: BrokerOptions,
  flags: QueueBrokerFlags,
  store: OpenStore,
  { domains, wrapping }: QueueKeys,
): Promise<MailBroker> {
  const options = domains ? await withManagedDomains(own, domains, flags) : own;
  const { concurrency } = flags;
  return new MailBroker({
    ...options,
    ...webhookOptions(flags, wrapping, options.webhooks),
    store,
    queue: { ...options.queue, ...(concurrency !== undefined && { concurrency }) },
  });
}
