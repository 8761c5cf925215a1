import { masterKeyWrapping } from '../domain/master-key.ts';
import { warn } from '../output.ts';
import { type StoreAccess, withStore } from '../queue/store.ts';
import { type WebhookAccess, type WebhookFlags, webhookOptions } from './webhook-access.ts';

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
  const wrapping = await masterKeyWrapping(flags, warn);
  return withStore(flags, access, (store) =>
    work(new MailQueue({ store, ...webhookOptions(flags, wrapping) }).webhooks),
  );
}
