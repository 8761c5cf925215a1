import { createHmac } from 'node:crypto';
import { startWebhookReceiver, type WebhookCall } from '@mb/testkit';
import type { Service } from './service.ts';

/** A program that is notified of deliveries. */
export interface Listener extends AsyncDisposable {
  /** The first call about a delivery, and whether its signature is right. */
  firstDelivery(): Promise<{ readonly call: WebhookCall; readonly verified: boolean }>;
}

/** Starts a program and registers it as a webhook of the service. */
export async function listenForDeliveries({ client }: Service): Promise<Listener> {
  const receiver = await startWebhookReceiver();
  const { data } = await client.POST('/v1/webhooks', { body: { url: receiver.url, types: ['delivered'] } });
  if (!data) throw new Error('The webhook was not added.');
  return {
    async firstDelivery() {
      await receiver.until((calls) => calls.length > 0, 10_000);
      const [call] = receiver.calls as [WebhookCall];
      return { call, verified: call.headers['webhook-signature'] === signatureOf(call, data.secret) };
    },
    [Symbol.asyncDispose]: () => receiver.close(),
  };
}

/** What the receiver computes (Standard Webhooks 1.0.0, "Signature scheme"). */
function signatureOf({ headers, body }: WebhookCall, secret: string): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}
