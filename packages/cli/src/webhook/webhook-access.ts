import type { Webhooks } from '@mb/broker';
import { Option } from 'commander';
import { allowedAddresses } from '../allow.ts';
import { type StoreAccess, withStore } from '../queue/store.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import type { ServerFlags } from '../remote/server-flag.ts';

/** What commands do with webhooks, be they in a queue that is opened here or behind a server. */
export type WebhookAccess = Pick<
  Webhooks,
  | 'add'
  | 'list'
  | 'get'
  | 'status'
  | 'change'
  | 'remove'
  | 'rotateSecret'
  | 'test'
  | 'attempts'
  | 'deadLetters'
  | 'replay'
>;

/** What every command on webhooks takes. */
export interface WebhookFlags extends StoreFlags, ServerFlags, WebhookAllowFlag {
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

/** The option of a broker for `--webhook-allow`; what else the configuration says of webhooks holds. */
export function webhookOptions<Options extends { readonly allowAddresses?: readonly string[] | undefined }>(
  { webhookAllow }: WebhookAllowFlag,
  configured?: Options,
) {
  if (!webhookAllow) return configured ? { webhooks: configured } : {};
  return { webhooks: { ...configured, allowAddresses: allowedAddresses(webhookAllow) } };
}

/**
 * Runs `work` with the webhooks of a queue or of a server.
 *
 * @throws {CliError} MB_CLI_USAGE, MB_CLI_FILE, MB_CLI_PACKAGE, MB_CLI_SERVER; BrokerError
 */
export async function withWebhooks<Result>(
  flags: WebhookFlags,
  access: StoreAccess,
  work: (webhooks: WebhookAccess) => Promise<Result>,
): Promise<Result> {
  if (flags.server !== undefined) {
    const { remoteWebhooks } = await import('../remote/remote-webhooks.ts');
    const { serverClient } = await import('../remote/api.ts');
    return work(remoteWebhooks(await serverClient(flags.server)));
  }
  const { MailQueue } = await import('@mb/broker');
  return withStore(flags, access, (store) =>
    work(new MailQueue({ store, ...webhookOptions(flags) }).webhooks),
  );
}
