import type { CheckedRecord, DomainRecord } from '@mb/broker/domains';
import { formatTable } from '../table.ts';
import { printable } from '../terminal.ts';
import type { ShownCheck, ShownDomain } from './shown-domain.ts';

/** The records of a domain as a table; their values are in the zone file. */
export function recordTable(records: readonly DomainRecord[]): string {
  const rows = records.map(({ need, purpose, type, name, note }) => [need, purpose, type, name, note]);
  return formatTable(['NEED', 'FOR', 'TYPE', 'NAME', 'NOTE'], rows);
}

/** Domains in a table. */
export function domainTable(domains: readonly ShownDomain[]): string {
  const rows = domains.map(({ domain, tenant, ready, status }) => [
    domain,
    tenant ?? '',
    ready ? 'yes' : 'no',
    status,
  ]);
  return formatTable(['DOMAIN', 'TENANT', 'SIGNS', 'STATUS'], rows);
}

/** The keys of a domain in a table. */
export function keyTable({ keys }: ShownDomain): string {
  const rows = keys.map(({ selector, algorithm, state, signs, seen, since, keepUntil }) => [
    selector,
    algorithm,
    state,
    signs ? 'yes' : 'no',
    seen ?? 'not looked up',
    since,
    keepUntil ?? '',
  ]);
  return formatTable(['SELECTOR', 'ALGORITHM', 'STATE', 'SIGNS', 'SEEN', 'SINCE', 'KEEP UNTIL'], rows);
}

/** The records found at the servers of a domain, with what to do. */
export function checkTable({ records }: ShownCheck): string {
  const rows = records.map((record) => [
    record.status,
    record.need,
    record.purpose,
    record.name,
    adviceOn(record),
  ]);
  return formatTable(['STATUS', 'NEED', 'FOR', 'NAME', 'DETAIL'], rows);
}

function adviceOn({ detail, fix, status, need }: CheckedRecord): string {
  const isFine = status === 'seen' && need !== 'remove';
  return printable(fix === undefined || isFine ? detail : `${detail} ${fix}`);
}
