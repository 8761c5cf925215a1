/** The first rows whose JSON has at most `maxBytes` octets together: those that fit into a record. */
export function firstRows<Row>(rows: readonly Row[], maxBytes: number): readonly Row[] {
  const kept: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    bytes += Buffer.byteLength(JSON.stringify(row));
    if (bytes > maxBytes) break;
    kept.push(row);
  }
  return kept;
}
