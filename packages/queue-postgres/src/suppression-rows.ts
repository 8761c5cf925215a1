import {
  detailText,
  type NewSuppression,
  type Page,
  type Suppression,
  type SuppressionReason,
  suppressionKey,
  unknownCursor,
} from '@mb/broker/store';
import type { Database, Queryable } from './database.ts';

interface SuppressionRow {
  readonly tenant: string;
  readonly address: string;
  readonly reason: SuppressionReason;
  readonly since: string;
  readonly detail: string | null;
}

export async function addSuppressions(
  db: Queryable,
  schema: string,
  entries: readonly NewSuppression[],
  now: number | null,
): Promise<void> {
  if (entries.length === 0) return;
  await db.query(
    `INSERT INTO ${schema}.suppression (tenant, address, reason, since, detail)
     SELECT DISTINCT ON (tenant, address) tenant, address, reason, ${schema}.time_v1($5), detail
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
       AS u(tenant, address, reason, detail, n)
     ORDER BY tenant, address, n ON CONFLICT DO NOTHING`,
    [
      entries.map(({ tenant }) => tenant ?? ''),
      entries.map(({ address }) => suppressionKey(address)),
      entries.map(({ reason }) => reason),
      entries.map(({ detail }) => detailText(detail)),
      now,
    ],
  );
}

export async function findSuppressions(
  db: Database,
  schema: string,
  addresses: readonly string[],
  tenant: string,
): Promise<Suppression[]> {
  const rows = await db.query<SuppressionRow>(
    `SELECT * FROM ${schema}.suppression WHERE tenant = $1 AND address = ANY ($2)`,
    [tenant, addresses.map(suppressionKey)],
  );
  return rows.map(suppressionOf);
}

export async function deleteSuppressions(
  db: Database,
  schema: string,
  addresses: readonly string[],
  tenant: string,
): Promise<number> {
  const rows = await db.query(
    `DELETE FROM ${schema}.suppression WHERE tenant = $1 AND address = ANY ($2) RETURNING 1`,
    [tenant, addresses.map(suppressionKey)],
  );
  return rows.length;
}

/** Lists suppressed addresses; the cursor of a page is the tenant and address of its last row, as JSON. */
export async function listSuppressions(
  db: Database,
  schema: string,
  tenant: string | undefined,
  after: string | undefined,
  limit: number,
): Promise<Page<Suppression>> {
  const rows = await db.query<SuppressionRow>(
    `SELECT * FROM ${schema}.suppression
     WHERE (tenant, address) > ($1, $2) AND ($3::text IS NULL OR tenant = $3)
     ORDER BY tenant, address LIMIT $4`,
    [...place(after), tenant ?? null, limit + 1],
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last ? { next: JSON.stringify([last.tenant, last.address]) } : {};
  return { rows: shown.map(suppressionOf), ...next };
}

function place(after: string | undefined): readonly [string, string] {
  if (after === undefined) return ['', ''];
  try {
    const [tenant, address] = JSON.parse(after) as unknown[];
    if (typeof tenant === 'string' && typeof address === 'string') return [tenant, address];
  } catch {
    // Falls through to the error below.
  }
  throw unknownCursor();
}

function suppressionOf(row: SuppressionRow): Suppression {
  const { address, reason, tenant } = row;
  const detail = row.detail === null ? {} : { detail: JSON.parse(row.detail) as object };
  return { address, reason, tenant, since: Number(row.since), ...detail };
}
