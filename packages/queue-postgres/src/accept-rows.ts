// Not by name: an older Node without crc32 would fail on the import, before the version check can say what is needed.
import zlib from 'node:zlib';
import { type Accepted, checkIdempotency, type MessageId, type MessageRecord } from '@mb/broker/store';
import { storedColumns, unknownStaged } from './content-rows.ts';
import type { Database, Queryable } from './database.ts';
import { messageRowId, recipientRowId } from './recipient-rows.ts';
import { callFunction, type StoreContext } from './statement.ts';

interface AcceptedRow {
  /** As the application's driver reads a bigint; null when the staged content does not exist. */
  readonly id: string | bigint | number | null;
  readonly duplicate: boolean;
  readonly known_digest: string | null;
}

/**
 * Writes a message and its recipients; content must fit in one row, or be staged.
 * @throws {BrokerError} MB_BROKER_IDEMPOTENCY_CONFLICT, MB_BROKER_STAGED_UNKNOWN
 */
export async function acceptMessage(
  db: Queryable | Database,
  { schema, log, now }: StoreContext,
  record: MessageRecord,
): Promise<Accepted> {
  const { content, recipients } = record;
  const bytes = content instanceof Uint8Array && content.byteLength > 0 ? content : null;
  const [row] = await callFunction<AcceptedRow>(db, schema, 'accept_v1', [
    content instanceof Uint8Array ? null : messageRowId(content.stagedId),
    record.tenant,
    record.tag,
    record.priority,
    record.idempotencyKey,
    record.idempotencyDigest,
    record.sender,
    record.notBefore,
    record.expireAfterMs,
    record.delayNoticeAfterMs,
    record.onUnknown,
    record.envelope,
    record.schedule,
    record.size,
    bytes && zlib.crc32(bytes),
    ...storedColumns(bytes),
    recipients.map(({ address }) => address),
    recipients.map(({ domain }) => domain),
    recipients.map(({ site }) => site),
    recipients.map(({ options }) => options),
    log,
    now,
  ]);
  const { id, duplicate, known_digest: known } = row!;
  if (id === null) {
    throw unknownStaged();
  }
  if (duplicate) checkIdempotency(known, record.idempotencyDigest);
  return { messageId: String(id), duplicate };
}

/** Accepts a report to the sender, and logs it for the recipients that it reports on. */
export async function acceptBounce(
  client: Queryable,
  context: StoreContext,
  record: MessageRecord,
  recipients: readonly string[],
): Promise<MessageId> {
  const { messageId } = await acceptMessage(client, context, record);
  const detail = JSON.stringify({ bounceMessageId: messageId });
  await logRecipients(client, context, 'bounced', recipients, detail);
  return messageId;
}

/** Logs an event for each of the recipients that exist, in one row. */
export async function logRecipients(
  client: Queryable,
  { schema, log, now }: StoreContext,
  type: string,
  recipients: readonly string[],
  detail: string | null,
): Promise<void> {
  if (log && !log.includes(type)) return;
  await client.query(
    `INSERT INTO ${schema}.event (at, type, count, events)
     SELECT ${schema}.time_v1($4), $1, count(*), json_agg(json_build_array(
       m.id, r.id & 65535, m.tenant, m.tag, r.address, r.attempts, NULL, $3::json) ORDER BY u.n)
     FROM unnest($2::bigint[]) WITH ORDINALITY AS u(id, n)
     JOIN ${schema}.recipient r ON r.id = u.id JOIN ${schema}.message m ON m.id = u.id >> 16 HAVING count(*) > 0`,
    [type, recipients.flatMap((id) => recipientRowId(id) ?? []), detail, now],
  );
}
