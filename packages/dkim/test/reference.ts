/** A slow canonicalisation, directly from RFC 6376 §3.4, to compare the fast one with. One character per octet. */
export function referenceBody(
  body: string,
  algorithm: 'simple' | 'relaxed',
  bareCr: 'line-end' | 'octet',
): string {
  let text = body.replace(/\r\n/g, '\n');
  if (bareCr === 'line-end') text = text.replace(/\r/g, '\n');
  let lines = text.split('\n');
  if (algorithm === 'relaxed') lines = lines.map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  while (lines.length > 0 && lines.at(-1) === '') lines.pop();
  if (lines.length === 0) return algorithm === 'simple' ? '\r\n' : '';
  return `${lines.join('\r\n')}\r\n`;
}

/** The same for a header field without CRLF. */
export function referenceField(field: string, algorithm: 'simple' | 'relaxed'): string {
  if (algorithm === 'simple') return field;
  const colon = field.indexOf(':');
  const value = field
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/^ | $/g, '');
  return `${field
    .slice(0, colon)
    .toLowerCase()
    .replace(/[ \t]+$/, '')}:${value}`;
}
