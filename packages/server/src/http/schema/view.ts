import { z } from '@hono/zod-openapi';
import {
  type EnqueueResult,
  type MessageSummary,
  type MessageView,
  type QueueEvent,
  type RecipientView,
  recipientStates,
  type SiteView,
  type Suppression,
  suppressionReasons,
} from '@mb/broker';
import { iso, isoOf, moment } from './moment.ts';

const json = z.record(z.string(), z.unknown()).openapi({ type: 'object' });

/** States of a recipient. */
export const stateSchema = z.enum(recipientStates);

/** A recipient as the API shows it. */
export const recipientSchema = z
  .object({
    id: z.string(),
    messageId: z.string(),
    address: z.string(),
    domain: z.string(),
    destination: z.string(),
    tenant: z.string().optional(),
    tag: z.string().optional(),
    state: stateSchema,
    inFlight: z.boolean(),
    attempts: z.int(),
    nextAttemptAt: moment.optional(),
    acceptedAt: moment,
    expiresAt: moment,
    finishedAt: moment.optional(),
    detail: json.optional(),
  })
  .openapi('Recipient');

/** A message as the API shows it. */
export const messageViewSchema = z
  .object({
    id: z.string(),
    sender: z.string(),
    tenant: z.string().optional(),
    tag: z.string().optional(),
    sizeBytes: z.int(),
    acceptedAt: moment,
    expiresAt: moment,
    hasContent: z.boolean().openapi({
      description:
        'Whether its content can be read, previewed and sent again. It is deleted with the last outcome, unless the queue is told to keep it.',
    }),
    recipients: z.array(recipientSchema),
  })
  .openapi('QueuedMessage');

/** A message as lists show it. */
export const messageSummarySchema = z
  .object({
    id: z.string(),
    sender: z.string(),
    firstRecipient: z.string(),
    recipients: z.int().openapi({ description: 'How many there are.' }),
    states: z
      .partialRecord(stateSchema, z.int())
      .openapi({ description: 'How many recipients are in each state.' }),
    tenant: z.string().optional(),
    tag: z.string().optional(),
    sizeBytes: z.int(),
    acceptedAt: moment,
    expiresAt: moment,
  })
  .openapi('MessageSummary');

/** What became of a message that was posted. */
export const acceptedSchema = z
  .object({
    id: z.string().optional().openapi({ description: 'Absent when every recipient is suppressed.' }),
    duplicate: z.boolean(),
    recipients: z.array(
      z.object({
        recipient: z.string(),
        status: z.enum(['queued', 'failed']),
        reason: z.string().optional(),
      }),
    ),
    warnings: z.array(z.object({ code: z.string(), message: z.string() })),
  })
  .openapi('Accepted');

/** An event as the API shows it. */
export const eventSchema = z
  .object({
    cursor: z.string(),
    type: z.string(),
    at: moment,
    messageId: z.string(),
    tenant: z.string().optional(),
    tag: z.string().optional(),
    recipientId: z.string().optional(),
    address: z.string().optional(),
    attempt: z.int(),
    nextAttemptAt: moment.optional(),
    detail: json.optional(),
  })
  .openapi('Event');

/** An entry of the suppression list as the API shows it. */
export const suppressionSchema = z
  .object({
    address: z.string(),
    reason: z.enum(suppressionReasons),
    tenant: z.string().optional(),
    since: moment,
    detail: json.optional(),
  })
  .openapi('Suppression');

/** A destination as the API shows it. */
export const destinationSchema = z
  .object({
    destination: z.string(),
    queued: z.int(),
    connections: z.int(),
    concurrency: z.int(),
    suspended: z.boolean(),
    pausedUntil: moment.optional(),
    pauseReason: z.string().optional(),
    note: z.string().optional(),
    limits: json,
    learned: json,
    oldestDueAt: moment.optional(),
  })
  .openapi('Destination');

/** An API key as it is shown. */
export const keySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.string()),
    tenant: z.string().optional(),
    senderDomains: z.array(z.string()).optional(),
    requestsPerMinute: z.int().optional(),
    createdAt: moment,
    expiresAt: z.string().optional(),
    lastUsedAt: z.string().optional(),
  })
  .openapi('ApiKey');

/** A problem (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().openapi({ description: 'Match on this.' }),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .openapi('Problem');

/** A page of rows. */
export function pageOf<Row extends z.ZodType>(row: Row) {
  return z.object({
    data: z.array(row),
    next: z
      .string()
      .optional()
      .openapi({ description: 'Give it as `after` for the next page; absent on the last.' }),
  });
}

/** Which page to give. */
export const pageQuery = {
  after: z.string().min(1).optional().openapi({ description: '`next` of the page before.' }),
  limit: z.coerce.number().int().min(1).max(1000).optional().openapi({ description: 'Default 100.' }),
};

const tenantOf = (tenant: string) => (tenant === '' ? {} : { tenant });

export function recipientView(view: RecipientView): z.infer<typeof recipientSchema> {
  const { recipientId, site, dueAt, acceptedAt, expiresAt, finishedAt, tenant, detail, ...rest } = view;
  return compact({
    ...rest,
    id: recipientId,
    destination: site,
    ...tenantOf(tenant),
    nextAttemptAt: isoOf(dueAt),
    acceptedAt: iso(acceptedAt),
    expiresAt: iso(expiresAt),
    finishedAt: isoOf(finishedAt),
    detail: detail as Record<string, unknown> | undefined,
  });
}

export function messageView(view: MessageView): z.infer<typeof messageViewSchema> {
  const { messageId, sender, tenant, tag, size, acceptedAt, expiresAt, hasContent, recipients } = view;
  return compact({
    id: messageId,
    sender,
    ...tenantOf(tenant),
    tag,
    sizeBytes: size,
    acceptedAt: iso(acceptedAt),
    expiresAt: iso(expiresAt),
    hasContent,
    recipients: recipients.map(recipientView),
  });
}

export function messageSummaryView(summary: MessageSummary): z.infer<typeof messageSummarySchema> {
  const { messageId, sender, tenant, tag, size, acceptedAt, expiresAt, firstRecipient, states } = summary;
  return compact({
    id: messageId,
    sender,
    firstRecipient,
    recipients: Object.values(states).reduce((sum, count) => sum + count, 0),
    states,
    ...tenantOf(tenant),
    tag,
    sizeBytes: size,
    acceptedAt: iso(acceptedAt),
    expiresAt: iso(expiresAt),
  });
}

export function acceptedView({
  id,
  duplicate,
  recipients,
  warnings,
}: EnqueueResult): z.infer<typeof acceptedSchema> {
  return compact({
    id,
    duplicate,
    recipients: recipients.map((one) =>
      one.status === 'queued'
        ? { recipient: one.recipient, status: one.status }
        : { recipient: one.recipient, status: one.status, reason: one.reason },
    ),
    warnings: [...warnings],
  });
}

export function eventView({
  at,
  tenant,
  nextAttemptAt,
  detail,
  ...rest
}: QueueEvent): z.infer<typeof eventSchema> {
  return compact({
    ...rest,
    at: iso(at),
    ...tenantOf(tenant),
    nextAttemptAt: isoOf(nextAttemptAt),
    detail: detail as Record<string, unknown> | undefined,
  });
}

export function suppressionView({
  since,
  tenant,
  detail,
  ...rest
}: Suppression): z.infer<typeof suppressionSchema> {
  return compact({
    ...rest,
    ...tenantOf(tenant),
    since: iso(since),
    detail: detail as Record<string, unknown> | undefined,
  });
}

export function destinationView(view: SiteView): z.infer<typeof destinationSchema> {
  const { site, pausedUntil, oldestDueAt, limits, learned, ...rest } = view;
  return compact({
    ...rest,
    destination: site,
    limits: { ...limits },
    learned: { ...learned },
    pausedUntil: isoOf(pausedUntil),
    oldestDueAt: isoOf(oldestDueAt),
  });
}

/** Without what is undefined: JSON has no such value. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
