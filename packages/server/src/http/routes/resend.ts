import { z } from '@hono/zod-openapi';
import type { EnqueueOptions, MessageView, QueuedDeliveryOptions } from '@mb/broker';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, secured } from '../api.ts';
import { Problem } from '../problem.ts';
import { idempotencyKeyOf } from '../schema/message.ts';
import { acceptedSchema, acceptedView } from '../schema/view.ts';
import { visibleMessage, withFirst } from './messages.ts';

const resendSchema = strictObject({
  recipients: z
    .array(z.string().min(1).max(1000))
    .min(1)
    .max(10_000)
    .openapi({ description: 'Addresses of recipients of the message, as it names them.' }),
}).openapi('Resend');

/** `/v1/messages/{id}/resend`: the content of a message once more, as a message of its own. */
export function addResendRoute(api: Api, parts: ApiParts): void {
  const { broker } = parts;
  api.openapi(
    secured('send', {
      method: 'post',
      path: '/v1/messages/{id}/resend',
      summary: 'Send a message again to some of its recipients',
      description:
        'Accepts a new message with the same octets, return path, tenant and tag, while the content is kept. Recipients that wait are refused with 409: retry them instead. The Message-ID is that of the first message, so a server that has it already may drop the second.',
      tags: ['messages'],
      request: {
        params: z.object({ id: z.string().min(1).max(100) }),
        headers: z.object({ 'idempotency-key': z.string().min(1).max(255).optional() }),
        body: { required: true, content: { 'application/json': { schema: resendSchema } } },
      },
      responses: { 202: json(acceptedSchema, 'The new message is durable') },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const key = context.get('key');
      const message = await visibleMessage(id, key, parts);
      const to = chosenOf(message, context.req.valid('json').recipients);
      const chunks = broker.queue.content(id)[Symbol.asyncIterator]();
      // Read now: content that is gone is distinguished from content that fails on the way.
      const raw = withFirst(await chunks.next(), chunks);
      const options: EnqueueOptions = {
        tenant: message.tenant === '' ? undefined : message.tenant,
        tag: message.tag,
        senderDomains: key.senderDomains,
        idempotencyKey: idempotencyKeyOf(context.req.header('idempotency-key')),
        delivery: deliveryOptionsOf(message),
        signal: context.req.raw.signal,
      };
      const result = await broker.enqueue(
        { raw, envelope: { from: message.sender, to }, addresses: 'as-received' },
        options,
      );
      const location = result.id === undefined ? {} : { location: `/v1/messages/${result.id}` };
      return context.json(acceptedView(result), 202, location);
    },
  );
}

/** @throws {Problem} 422 for an address that is no recipient of the message; 409 for one that waits. */
function chosenOf({ recipients }: MessageView, addresses: readonly string[]): string[] {
  const known = new Map(recipients.map((one) => [one.address, one.state]));
  const waiting = ['queued', 'held'];
  for (const [index, address] of addresses.entries()) {
    const state = known.get(address);
    const path = `/recipients/${index}`;
    if (state === undefined) {
      const message = 'is no recipient of the message';
      throw new Problem(422, 'MB_SERVER_SCHEMA', `${path}: ${message}.`, { errors: [{ path, message }] });
    }
    if (waiting.includes(state)) {
      const message = `is ${state}: retry, release or cancel it instead of sending it again`;
      throw new Problem(409, 'MB_SERVER_RECIPIENT_WAITS', `${path}: ${message}.`, {
        errors: [{ path, message }],
      });
    }
  }
  return [...new Set(addresses)];
}

/** The delivery options of the message, which apply to the new one too. */
function deliveryOptionsOf({ envelope }: MessageView): QueuedDeliveryOptions {
  const { requireTls, ret, envid } = (envelope ?? {}) as QueuedDeliveryOptions;
  return {
    ...(requireTls !== undefined && { requireTls }),
    ...(ret !== undefined && { ret }),
    ...(envid !== undefined && { envid }),
  };
}
