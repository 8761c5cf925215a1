/** A tag list of DMARC, MTA-STS and TLS-RPT: `name=value` pairs separated by semicolons. */
export interface TagList {
  /** In order; names as written. */
  readonly tags: readonly { readonly name: string; readonly value: string }[];
  /** Parts that are not a pair. */
  readonly malformed: readonly string[];
}

/** Parses a tag list; white space around names and values is removed. */
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
