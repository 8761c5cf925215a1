import { z } from '@hono/zod-openapi';
import type { CheckedRecord, DomainCheck, DomainRecord, ManagedDomain } from '@mb/broker/domains';
import { strictObject } from '../../strict-object.ts';
import { iso, moment } from './moment.ts';

/** A record to publish. */
export const domainRecordSchema = z
  .object({
    purpose: z.enum(['dkim', 'spf', 'return-path', 'dmarc', 'mta-sts', 'tls-rpt']),
    need: z.enum(['required', 'recommended', 'optional', 'remove']).openapi({
      description: '`remove`: the record is no longer needed. `optional`: the value is a suggestion.',
    }),
    name: z.string().openapi({ description: 'Owner name, without the final dot.' }),
    type: z.enum(['TXT', 'MX']),
    value: z.string().openapi({ description: 'A text in one piece, or preference and host.' }),
    note: z.string(),
  })
  .openapi('DomainRecord');

const checkedRecordSchema = domainRecordSchema
  .extend({
    status: z.enum(['seen', 'missing', 'different', 'contradictory', 'unknown']),
    found: z.array(z.string()).openapi({ description: 'The records that are there.' }),
    detail: z.string(),
    fix: z.string().optional().openapi({ description: 'What to do.' }),
  })
  .openapi('CheckedRecord');

const domainKeySchema = z
  .object({
    selector: z.string(),
    algorithm: z.enum(['rsa-sha256', 'ed25519-sha256']),
    state: z.enum(['next', 'published', 'active', 'retiring', 'removable']),
    signs: z.boolean().openapi({ description: 'Whether messages are signed with it now.' }),
    since: moment.openapi({ description: 'Since when it has been in its state.' }),
    keepUntil: moment
      .optional()
      .openapi({ description: 'Until when a key that is retiring must stay published.' }),
    seen: z
      .enum(['seen', 'absent', 'different', 'contradictory', 'unknown'])
      .optional()
      .openapi({ description: 'What the authoritative servers said at the last check.' }),
    detail: z.string().optional(),
    record: domainRecordSchema,
  })
  .openapi('DomainKey');

/** A domain as the API shows it. */
export const domainSchema = z
  .object({
    domain: z.string(),
    version: z
      .int()
      .openapi({ description: 'Grows with each change, including changes of what was seen of its keys.' }),
    tenant: z.string().optional(),
    hostname: z.string().optional(),
    returnPath: z.string().optional(),
    tls: z.enum(['opportunistic', 'required', 'verified']).optional(),
    createdAt: moment,
    ready: z.boolean().openapi({ description: 'Whether its mail can be signed. While it cannot, it waits.' }),
    status: z.string().openapi({ description: 'The next step, and who has to take it.' }),
    keys: z.array(domainKeySchema),
    records: z.array(domainRecordSchema).openapi({ description: 'What to publish, and what may go.' }),
  })
  .openapi('Domain');

/** What the servers of a domain say. */
export const domainCheckSchema = z
  .object({
    ok: z.boolean().openapi({ description: 'Whether every record that is required is seen.' }),
    domain: domainSchema,
    records: z.array(checkedRecordSchema),
  })
  .openapi('DomainCheck');

/** A domain to add. */
export const newDomainSchema = strictObject({
  domain: z.string().min(1).max(255).openapi({ description: 'The domain of From, and of those below it.' }),
  tenant: z.string().min(1).max(255).optional().openapi({ description: 'Default: that of all tenants.' }),
  hostname: z.string().min(1).max(255).optional().openapi({
    description: 'The name in EHLO. Default: that of the service.',
  }),
  returnPath: z.string().min(1).max(255).optional().openapi({
    description: 'A domain below it for return paths, such as bounces.example.com.',
  }),
  tls: z.enum(['opportunistic', 'required', 'verified']).optional(),
  algorithms: z
    .array(z.enum(['rsa-sha256', 'ed25519-sha256']))
    .min(1)
    .max(2)
    .optional()
    .openapi({ description: 'Keys to make. Default: one of each.' }),
  keys: z
    .array(
      strictObject({
        selector: z.string().min(1).max(63),
        privateKey: z.string().min(1).max(16_384).openapi({ description: 'In PEM, not encrypted.' }),
      }),
    )
    .min(1)
    .max(2)
    .optional()
    .openapi({
      description:
        'Keys that the domain has already, instead of new ones. The records under their selectors must be those of the keys.',
    }),
}).openapi('NewDomain');

/** Changes of a domain. */
export const domainChangesSchema = strictObject({
  hostname: z.string().min(1).max(255).nullable().optional(),
  returnPath: z.string().min(1).max(255).nullable().optional().openapi({
    description: 'Bounces to the previous one are no longer recognised.',
  }),
  tls: z.enum(['opportunistic', 'required', 'verified']).nullable().optional(),
  tenant: z.string().min(1).max(255).nullable().optional(),
  ifVersion: z.int().min(1).optional().openapi({
    description: 'Only when the domain still has this version; else 409.',
  }),
}).openapi('DomainChanges');

/** The MTA-STS policy of a domain. */
export const mtaStsSchema = z
  .object({
    domain: z.string().openapi({ description: 'The domain that bounces come to.' }),
    url: z.string().openapi({ description: 'Where senders look for the file.' }),
    policy: z.string().optional().openapi({
      description: 'The text of the file. Absent: the mail exchangers of the domain are not known.',
    }),
    detail: z.string(),
  })
  .openapi('MtaStsPolicy');

export function domainView(domain: ManagedDomain): z.infer<typeof domainSchema> {
  const { createdAt, keys, records, tenant, hostname, returnPath, tls, ...rest } = domain;
  return {
    ...rest,
    ...(tenant !== undefined && { tenant }),
    ...(hostname !== undefined && { hostname }),
    ...(returnPath !== undefined && { returnPath }),
    ...(tls !== undefined && { tls }),
    createdAt: iso(createdAt),
    keys: keys.map(({ since, keepUntil, ...key }) => ({
      ...key,
      since: iso(since),
      ...(keepUntil !== undefined && { keepUntil: iso(keepUntil) }),
    })),
    records: records.map(recordView),
  };
}

export function domainCheckView({ ok, domain, records }: DomainCheck): z.infer<typeof domainCheckSchema> {
  return { ok, domain: domainView(domain), records: records.map(checkedView) };
}

function recordView(record: DomainRecord): z.infer<typeof domainRecordSchema> {
  return { ...record };
}

function checkedView({ found, ...record }: CheckedRecord): z.infer<typeof checkedRecordSchema> {
  return { ...record, found: [...found] };
}
