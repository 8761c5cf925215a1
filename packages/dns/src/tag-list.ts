/** `name=value` pairs between semicolons, as DMARC, MTA-STS and TLS-RPT write them. */
export interface TagList {
  /** In order; names as written. */
  readonly tags: readonly { readonly name: string; readonly value: string }[];
  /** Pieces that are no pair. */
  readonly malformed: readonly string[];
}

/** Cuts a tag list apart; white space around names and values does not count. */
export function parseTagList(text: string): TagList {
  const tags: { name: string; value: string }[] = [];
  const malformed: string[] = [];
  for (const piece of text.split(';')) {
    const trimmed = piece.trim();
    if (trimmed === '') continue;
    const equals = trimmed.indexOf('=');
    const name = trimmed.slice(0, Math.max(0, equals)).trimEnd();
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) malformed.push(trimmed.slice(0, 80));
    else tags.push({ name, value: trimmed.slice(equals + 1).trimStart() });
  }
  return { tags, malformed };
}
