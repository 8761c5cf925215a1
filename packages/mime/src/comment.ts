/**
 * Replaces comments outside quoted-strings (RFC 5322 §3.2.2). Comments nest and may contain quoted-pairs.
 *
 * QUIRK(many senders): a parenthesis inside an unquoted value, as in `filename=a(1).pdf`, is part of the value. So is an
 * unpaired one.
 *
 * @param blank  What replaces each comment.
 */
export function withoutComments(text: string, blank = ''): string {
  if (!text.includes('(')) return text;
  let out = '';
  let depth = 0;
  let opened = 0;
  let quoted = false;
  let value = -1; // length of the unquoted value at the end of `out`; -1 outside a value
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '\\' && (quoted || depth > 0)) {
      if (depth === 0) out += character + (text[i + 1] ?? '');
      i += 1;
      continue;
    }
    if (depth === 0 && character === '"') quoted = !quoted;
    if (!quoted && character === '(' && value <= 0) {
      if (depth === 0) opened = i;
      depth += 1;
    } else if (!quoted && character === ')' && depth > 0) {
      if (--depth === 0) out += blank;
    } else if (depth === 0) {
      out += character;
      if (quoted || character === ';' || character === '"') value = -1;
      else if (character === ' ' || character === '\t') value = value === 0 ? 0 : -1;
      else if (value >= 0 || character === '=') value += 1;
    }
  }
  return depth > 0 ? out + text.slice(opened) : out;
}
