import { type OptionTable, readOptions, required } from '../option-table.ts';
import { checkUrl, newWebhookOptions } from './endpoint.ts';
import { checkSecret } from './secret.ts';

/** A URL that is called like an endpoint, without being stored. */
export interface WebhookTarget {
  /** An https: URL; `http:` is taken only for hosts whose addresses are permitted by `webhooks.allowAddresses`. */
  readonly url: string;
  /** `whsec_` and 24 to 64 octets in base64: calls are signed with it (Standard Webhooks). */
  readonly secret: string;
}

/** What {@link WebhookTarget} accepts. */
export const webhookTargetOptions = {
  url: newWebhookOptions.url,
  secret: required(newWebhookOptions.secret),
} satisfies OptionTable<WebhookTarget>;

/** @throws {BrokerError} MB_BROKER_OPTION */
export function readTarget(given: WebhookTarget, where: string): WebhookTarget {
  const read: WebhookTarget = readOptions(given, webhookTargetOptions, where);
  checkTarget(read, where);
  return read;
}

/** @throws {BrokerError} MB_BROKER_OPTION for a URL or secret that cannot be used. */
export function checkTarget({ url, secret }: WebhookTarget, where: string): void {
  checkUrl(url, `${where}.url`);
  checkSecret(secret, `${where}.secret`);
}
