import { z } from '@hono/zod-openapi';
import { type Alert, type AlertTest, alertNames } from '@mb/broker/alerts';
import { iso, moment } from './moment.ts';
import { attemptSchema, attemptView } from './webhook.ts';

/** A rule with its state. */
export const alertSchema = z
  .object({
    alert: z.enum(alertNames),
    name: z.string().optional().openapi({
      description: 'The process or DKIM key that it is about. Absent: the queue as a whole.',
    }),
    firing: z.boolean(),
    since: moment.optional().openapi({ description: 'When it fired or recovered last. Absent: never.' }),
    detail: z.string().optional().openapi({ description: 'What was wrong when it fired.' }),
    checkedAt: moment
      .optional()
      .openapi({ description: 'When it was checked last. Absent: it is not watched.' }),
  })
  .openapi('Alert');

/** Who was notified of a test. */
export const alertTestSchema = z
  .object({
    webhooks: z.int().openapi({ description: 'How many webhooks will be called.' }),
    webhook: attemptSchema.optional().openapi({
      description: 'The call of the webhook that the service is configured with.',
    }),
    messageId: z.string().optional().openapi({ description: "The queue's id of the mail." }),
  })
  .openapi('AlertTest');

export function alertView({ since, checkedAt, ...alert }: Alert): z.infer<typeof alertSchema> {
  return {
    ...alert,
    ...(since !== undefined && { since: iso(since) }),
    ...(checkedAt !== undefined && { checkedAt: iso(checkedAt) }),
  };
}

export function alertTestView({ webhook, ...rest }: AlertTest): z.infer<typeof alertTestSchema> {
  return { ...rest, ...(webhook && { webhook: attemptView(webhook) }) };
}
