import { brokerRows } from './broker/rows.ts';
import { dkimRows } from './dkim/rows.ts';
import { dnsRows } from './dns/rows.ts';
import type { Row } from './harness/row.ts';
import { mimeRows } from './mime/rows.ts';
import { queueRows } from './queue/rows.ts';
import { serverRows } from './server/rows.ts';
import { smtpRows } from './smtp/rows.ts';
import { startRows } from './start/rows.ts';

/** Every row of the benchmark, in the order in which they run and print. */
export const rows: readonly Row[] = [
  ...mimeRows,
  ...dkimRows,
  ...dnsRows,
  ...smtpRows,
  ...brokerRows,
  ...queueRows,
  ...startRows,
  ...serverRows,
];

/** The row with this id. */
export function findRow(id: string): Row {
  const row = rows.find((candidate) => candidate.id === id);
  if (row === undefined) throw new Error(`There is no row ${id}; \`--list\` shows them all.`);
  return row;
}
