import { z } from '@hono/zod-openapi';
import {
  type DeadLetter,
  type WebhookAttempt,
  type WebhookEndpoint,
  type WebhookStatus,
  webhookEventTypes,
} from '@mb/broker';
import { strictObject } from '../../strict-object.ts';
import { iso, isoOf, moment } from './moment.ts';
import { compact } from './view.ts';

const eventType = z.enum(webhookEventTypes);
const word = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}]*$/u, 'must not have control characters');

/** Which events a webhook gets. */
const filter = {
  types: z.array(eventType).min(1).openapi({ description: 'Default: all.' }),
  tenant: word.openapi({ description: 'Only events of this tenant. Default: of all that the key may see.' }),
  tags: z.array(word).min(1).openapi({ description: 'Only messages with one of these tags.' }),
  domains: z
    .array(z.string().min(1).max(255))
    .min(1)
    .openapi({ description: 'Only recipients at one of these domains.' }),
};
const url = z.string().min(1).max(2048).openapi({ description: 'Where events are posted.' });
const description = word.max(500);
const secret = z
  .string()
  .max(200)
  .openapi({ description: '`whsec_` and 24 to 64 octets in base64. Default: a new one.' });

/** A webhook to be added. */
export const newWebhookSchema = strictObject({
  url,
  description: description.optional(),
  enabled: z.boolean().optional().openapi({ description: 'Default true.' }),
  secret: secret.optional(),
  types: filter.types.optional(),
  tenant: filter.tenant.optional(),
  tags: filter.tags.optional(),
  domains: filter.domains.optional(),
}).openapi('NewWebhook');

/** Changes of a webhook. */
export const webhookChangesSchema = strictObject({
  url: url.optional(),
  description: description.nullable().optional(),
  enabled: z.boolean().optional(),
  types: filter.types.nullable().optional(),
  tenant: filter.tenant.nullable().optional(),
  tags: filter.tags.nullable().optional(),
  domains: filter.domains.nullable().optional(),
}).openapi('WebhookChanges');

/** How a secret is rotated. */
export const rotateSchema = strictObject({
  secret: secret.optional(),
  overlapMs: z
    .int()
    .min(0)
    .max(30 * 86_400_000)
    .optional()
    .openapi({ description: 'For how long calls are signed with the old secret too. Default one day.' }),
}).openapi('SecretRotation');

/** Which dead letters are replayed. */
export const replaySchema = strictObject({
  ids: z.array(z.string().min(1).max(200)).min(1).max(1000).optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
}).openapi('Replay');

const status = z
  .object({
    delivering: z.boolean().openapi({ description: 'Whether a process delivers to it.' }),
    delivered: z.int().openapi({ description: 'Calls that succeeded.' }),
    failed: z.int().openapi({ description: 'Calls that failed.' }),
    waiting: z.int().openapi({ description: 'Events that wait for another attempt.' }),
    deadLetters: z.int().openapi({ description: 'Events that were given up; 1000 stands for more.' }),
    lagMs: z.int().openapi({
      description:
        'Age of the oldest event that it has not taken; 0 when there is none. Grows while no process delivers.',
    }),
    upTo: moment.optional().openapi({ description: 'Up to when all events were handed over at least once.' }),
    lastSuccessAt: moment.optional(),
    lastFailureAt: moment.optional(),
    lastError: z.string().optional(),
    failingSince: moment.optional(),
  })
  .openapi('WebhookStatus');

/** A webhook as the API shows it. */
export const webhookSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    description: z.string().optional(),
    enabled: z.boolean(),
    disabledReason: z.string().optional(),
    types: z.array(eventType).optional(),
    tenant: z.string().optional(),
    tags: z.array(z.string()).optional(),
    domains: z.array(z.string()).optional(),
    createdAt: moment,
    secrets: z.array(z.object({ createdAt: moment, expiresAt: moment.optional() })),
    status: status.optional(),
  })
  .openapi('Webhook');

/** A webhook with a secret that was just made. */
export const webhookWithSecretSchema = webhookSchema
  .extend({
    secret: z.string().openapi({ description: 'What calls are verified with. Shown once.' }),
  })
  .openapi('WebhookWithSecret');

/** A call of a webhook as the API shows it. */
export const attemptSchema = z
  .object({
    at: moment,
    eventId: z.string(),
    type: eventType,
    messageId: z.string().optional(),
    attempt: z.int(),
    succeeded: z.boolean(),
    status: z.int().optional(),
    durationMs: z.int(),
    error: z.string().optional(),
    answer: z.string().optional(),
  })
  .openapi('WebhookAttempt');

/** An event that could not be delivered, as the API shows it. */
export const deadLetterSchema = z
  .object({
    id: z.string(),
    eventId: z.string(),
    type: eventType,
    at: moment,
    messageId: z.string().optional(),
    data: z.record(z.string(), z.unknown()).openapi({ type: 'object' }),
    attempts: z.int(),
    diedAt: moment,
    error: z.string(),
  })
  .openapi('DeadLetter');

export function webhookView(
  { createdAt, secrets, ...rest }: WebhookEndpoint,
  state?: WebhookStatus,
): z.infer<typeof webhookSchema> {
  return compact({
    ...rest,
    types: rest.types && [...rest.types],
    tags: rest.tags && [...rest.tags],
    domains: rest.domains && [...rest.domains],
    createdAt: iso(createdAt),
    secrets: secrets.map((one) =>
      compact({ createdAt: iso(one.createdAt), expiresAt: isoOf(one.expiresAt) }),
    ),
    status: state && statusView(state),
  });
}

export function attemptView({ at, ...rest }: WebhookAttempt): z.infer<typeof attemptSchema> {
  return compact({ ...rest, at: iso(at) });
}

export function deadLetterView({
  id,
  event,
  attempts,
  diedAt,
  error,
}: DeadLetter): z.infer<typeof deadLetterSchema> {
  return compact({
    id,
    eventId: event.id,
    type: event.type,
    at: iso(event.at),
    messageId: event.messageId,
    data: event.data as Record<string, unknown>,
    attempts,
    diedAt: iso(diedAt),
    error,
  });
}

function statusView(state: WebhookStatus): z.infer<typeof status> {
  const { upTo, lastSuccessAt, lastFailureAt, failingSince, ...rest } = state;
  return compact({
    ...rest,
    upTo: isoOf(upTo),
    lastSuccessAt: isoOf(lastSuccessAt),
    lastFailureAt: isoOf(lastFailureAt),
    failingSince: isoOf(failingSince),
  });
}
