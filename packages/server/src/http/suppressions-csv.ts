import { type NewSuppression, type SuppressionReason, suppressionReasons } from '@mb/broker';
import { parseMailbox } from '@mb/mime';
import { parse } from 'csv-parse/sync';
import { Problem, type WrongPlace } from './problem.ts';

/** Most wrong lines that the answer lists. */
const mostErrors = 100;

/**
 * Reads entries of the suppression list from a CSV file with a heading.
 *
 * @throws {Problem} 400 when the file is not CSV, 422 with the number of each wrong line.
 */
export function readSuppressionsCsv(octets: Uint8Array, tenant: string | undefined): NewSuppression[] {
  const [heading, ...rows] = readRows(octets);
  const names = heading?.cells.map((cell) => cell.trim().toLowerCase()) ?? [];
  const [address, reason] = [names.indexOf('address'), names.indexOf('reason')];
  if (address < 0) throw wrong([{ path: 'line 1', message: 'has no column "address"' }]);
  const errors: WrongPlace[] = [];
  const entries = rows.map(({ cells, line }): NewSuppression => {
    const path = `line ${line}`;
    const given = { address: cells[address]!.trim(), reason: cells[reason]?.trim() || 'operator' };
    if (!isMailbox(given.address)) errors.push({ path, message: 'has no valid address' });
    if (!suppressionReasons.includes(given.reason as SuppressionReason)) {
      errors.push({ path, message: `must have as reason one of ${suppressionReasons.join(', ')}` });
    }
    return { ...given, reason: given.reason as SuppressionReason, ...(tenant !== undefined && { tenant }) };
  });
  if (entries.length === 0) errors.push({ path: 'line 2', message: 'is missing: the file has no addresses' });
  if (errors.length > 0) throw wrong(errors);
  return entries;
}

/** The rows, each with the number of its last line. */
function readRows(octets: Uint8Array): { readonly cells: readonly string[]; readonly line: number }[] {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(octets);
    const options = { skip_empty_lines: true, relax_quotes: false, info: true };
    // Its types do not know what `info` adds.
    const rows = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[];
    return rows.map(({ record, info }) => ({ cells: record, line: info.lines }));
  } catch (cause) {
    const said = (cause as Error).message;
    throw new Problem(400, 'MB_SERVER_BODY', `The body is not CSV in UTF-8: ${said}.`, { cause });
  }
}

function isMailbox(address: string): boolean {
  try {
    // As `suppressions.add` does: addresses that the standard forbids can be sent to, and so be suppressed.
    parseMailbox(address, { addresses: 'as-received' });
    return true;
  } catch {
    return false;
  }
}

/** @param errors  At least one. */
function wrong(errors: readonly WrongPlace[]): Problem {
  const [{ path, message }] = errors as readonly [WrongPlace];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = `The file is wrong; nothing was added. ${path} ${message}${more}.`;
  return new Problem(422, 'MB_SERVER_SCHEMA', detail, { errors: errors.slice(0, mostErrors) });
}
