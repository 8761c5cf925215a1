import { detailText } from '../new-message.ts';
import type { Page } from '../port.ts';
import {
  type NewSuppression,
  type Suppression,
  type SuppressionReason,
  suppressionKey,
} from '../suppression.ts';
import { fromJson } from './codes.ts';
import type { Sql } from './connection.ts';

interface SuppressionRow {
  readonly tenant: string;
  readonly address: string;
  readonly reason: SuppressionReason;
  readonly since: number;
  readonly detail: string | null;
}

export function addSuppressions(sql: Sql, entries: readonly NewSuppression[], now: number): void {
  for (const { tenant = '', address, reason, detail } of entries) {
    sql.run(
      `INSERT INTO mb_suppression (tenant, address, reason, since, detail) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      tenant,
      suppressionKey(address),
      reason,
      now,
      detailText(detail),
    );
  }
}

export function findSuppressions(sql: Sql, addresses: readonly string[], tenant: string): Suppression[] {
  const keys = new Set(addresses.map(suppressionKey));
  return [...keys].flatMap((key) => {
    const select = 'SELECT * FROM mb_suppression WHERE tenant = ? AND address = ?';
    const row = sql.get<SuppressionRow>(select, tenant, key);
    return row ? [suppressionOf(row)] : [];
  });
}

export function deleteSuppressions(sql: Sql, addresses: readonly string[], tenant: string): number {
  const remove = 'DELETE FROM mb_suppression WHERE tenant = ? AND address = ?';
  return addresses.reduce(
    (sum, address) => sum + sql.run(remove, tenant, suppressionKey(address)).changes,
    0,
  );
}

/** Lists suppressed addresses; the cursor of a page is the tenant and address of its last row, as JSON. */
export function listSuppressions(
  sql: Sql,
  tenant: string | undefined,
  after: readonly [tenant: string, address: string],
  limit: number,
): Page<Suppression> {
  const rows = sql.all<SuppressionRow>(
    `SELECT * FROM mb_suppression WHERE (tenant, address) > (?1, ?2) AND (?3 IS NULL OR tenant = ?3)
     ORDER BY tenant, address LIMIT ?4`,
    ...after,
    tenant ?? null,
    limit + 1,
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last ? { next: JSON.stringify([last.tenant, last.address]) } : {};
  return { rows: shown.map(suppressionOf), ...next };
}

function suppressionOf(row: SuppressionRow): Suppression {
  const detail = fromJson(row.detail);
  const { address, reason, tenant, since } = row;
  return { address, reason, tenant, since, ...(detail && { detail }) };
}
