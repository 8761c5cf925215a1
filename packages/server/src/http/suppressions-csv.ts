import type { NewSuppression } from '@mb/broker';
import { parseMailbox } from '@mb/mime';
import { parse } from 'csv-parse/sync';
import { Problem } from './problem.ts';

const reasons = ['bad-mailbox', 'complaint', 'operator'] as const;
type Reason = (typeof reasons)[number];

/** Most wrong lines that are told of. */
const mostErrors = 100;

/**
 * Entries of the suppression list out of a CSV file with a heading.
 *
 * @throws {Problem} 400 for what is no CSV, 422 with the number of each wrong line.
 */
export function readSuppressionsCsv(octets: Uint8Array, tenant: string | undefined): NewSuppression[] {
  const rows = readRows(octets);
  const heading = rows[0]?.map((cell) => cell.trim().toLowerCase()) ?? [];
  const [address, reason] = [heading.indexOf('address'), heading.indexOf('reason')];
  if (address < 0) throw wrong([{ path: 'line 1', message: 'has no column "address"' }]);
  const errors: { path: string; message: string }[] = [];
  const entries = rows.slice(1).map((row, index): NewSuppression => {
    const line = `line ${index + 2}`;
    const given = { address: row[address]!.trim(), reason: row[reason]?.trim() || 'operator' };
    if (!isMailbox(given.address)) errors.push({ path: line, message: 'has no valid address' });
    if (!reasons.includes(given.reason as Reason)) {
      errors.push({ path: line, message: `must have as reason one of ${reasons.join(', ')}` });
    }
    return { ...given, reason: given.reason as Reason, ...(tenant !== undefined && { tenant }) };
  });
  if (entries.length === 0) errors.push({ path: 'line 2', message: 'is missing: the file has no addresses' });
  if (errors.length > 0) throw wrong(errors.slice(0, mostErrors));
  return entries;
}

function readRows(octets: Uint8Array): string[][] {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(octets);
    return parse(text, { skip_empty_lines: true, relax_quotes: false });
  } catch (cause) {
    const said = (cause as Error).message;
    throw new Problem(400, 'MB_SERVER_BODY', `The body is not CSV in UTF-8: ${said}.`, { cause });
  }
}

function isMailbox(address: string): boolean {
  try {
    parseMailbox(address);
    return true;
  } catch {
    return false;
  }
}

function wrong(errors: readonly { path: string; message: string }[]): Problem {
  return new Problem(422, 'MB_SERVER_SCHEMA', 'The file is wrong; nothing was added.', { errors });
}
