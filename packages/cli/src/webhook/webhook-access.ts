import type { WebhookDeliveryOptions, Webhooks } from '@mb/broker';
import type { KeyWrapping } from '@mb/broker/encryption';
import { Option } from 'commander';
import { allowedAddresses } from '../allow.ts';
import type { MasterKeyFlags } from '../domain/master-key.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import type { ServerFlags } from '../remote/server-flag.ts';

/** What commands do with webhooks, be they in a queue that is opened here or behind a server. */
export type WebhookAccess = Pick<
  Webhooks,
  | 'add'
  | 'list'
  | 'get'
  | 'status'
  | 'lags'
  | 'change'
  | 'remove'
  | 'rotateSecret'
  | 'test'
  | 'attempts'
  | 'deadLetters'
  | 'replay'
>;

/** What every command on webhooks takes. */
export interface WebhookFlags extends StoreFlags, ServerFlags, WebhookAllowFlag, MasterKeyFlags {
  readonly json?: true;
}

/** What `--webhook-allow` says. */
export interface WebhookAllowFlag {
  readonly webhookAllow?: readonly string[];
}

/** `--webhook-allow`, of every command that calls webhooks. */
export function webhookAllowOption(): Option {
  return new Option('--webhook-allow <cidr>', 'addresses that webhooks may have although not public')
    .argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
    .env('MB_WEBHOOK_ALLOW');
}

/** The option of a broker for `--webhook-allow` and the master key; what else the configuration says of webhooks holds. */
export function webhookOptions(
  { webhookAllow }: WebhookAllowFlag,
  wrapping: KeyWrapping | undefined,
  configured?: WebhookDeliveryOptions,
): { readonly webhooks: WebhookDeliveryOptions } {
  return {
    webhooks: {
      ...configured,
      ...(webhookAllow && { allowAddresses: allowedAddresses(webhookAllow) }),
      ...(wrapping && { wrapping }),
    },
  };
}
