import type { WebhookDeliveryOptions, Webhooks } from '@mb/broker';
import type { KeyWrapping } from '@mb/broker/encryption';
import { Option } from 'commander';
import { allowedAddresses } from '../allow.ts';
import type { MasterKeyFlags } from '../domain/master-key.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import type { ServerFlags } from '../remote/server-flag.ts';

/** The operations on webhooks, in a queue opened by this process or through the API of a server. */
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

/** The flags of every command on webhooks. */
export interface WebhookFlags extends StoreFlags, ServerFlags, WebhookAllowFlag, MasterKeyFlags {
  readonly json?: true;
}

/** The flag `--webhook-allow`. */
export interface WebhookAllowFlag {
  readonly webhookAllow?: readonly string[];
}

/** `--webhook-allow` for the commands that call webhooks. */
export function webhookAllowOption(): Option {
  return new Option(
    '--webhook-allow <cidr>',
    'networks to allow for webhooks although their addresses are not public',
  )
    .argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
    .env('MB_WEBHOOK_ALLOW');
}

/** The `webhooks` option of a broker: the configuration, changed by `--webhook-allow` and the master key. */
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
