/**
 * The tokens of an address list (RFC 5322 §3.2), without comments and white space.
 *
 * Token `i` has the kind `kinds[i]` and is the text from `starts[i]` to `ends[i]`.
 */
export interface AddressTokens {
  readonly text: string;
  /**
   * One character per token: `w` for a run of atom characters and dots, `q` for a quoted-string (both in upper case
   * where a dot joins the token to the one before it), `d` for text in square brackets, `?` for a misplaced character,
   * such as an unpaired quote, or the special itself: one of `<>@,;:`.
   */
  readonly kinds: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** The text of each comment and the index of the token after it. */
  readonly comments: readonly { readonly before: number; readonly text: string }[];
  /** Whether comments nest over 100 deep. */
  readonly deep: boolean;
  /** Whether there is a backslash outside quotes and comments. */
  readonly escaped: boolean;
}

const MAX_COMMENT_DEPTH = 100;

/** Decodes the display names of a list. */
export interface NameDecoder {
  readonly decode: (text: string) => string;
  /** Encoded-words (RFC 2047 §2). */
  readonly encodedWord: RegExp;
  /** A word that may contain encoded-words, even invalid ones. */
  readonly word: RegExp;
}

const WORD = /[^\0-\x20\x7f()<>[\]:;@,"]+/y;
const QUOTED = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const LITERAL = /\[[^[\]<>()"@\\]*\]/y;

/**
 * Splits an address list into tokens, in time proportional to its length.
 *
 * @param start  The index of the first character.
 * @param names  Keeps each encoded-word in one token; omit it for text that a user typed.
 */
export function readTokens(text: string, start: number, names?: NameDecoder): AddressTokens {
  const kinds: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const comments: { before: number; text: string }[] = [];
  let escaped = false;
  let quotes = true; // false after an unpaired quote: later quotes are unpaired too
  let pairs: ParenthesisPairs | undefined;
  const match = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : at;
  };
  for (let at = start, end = start; at < text.length; at = end) {
    let kind = text[at]!;
    end = match(names?.word ?? WORD, at);
    if (end > at) {
      kind = 'w';
      escaped ||= hasBackslash(text.slice(at, end), names);
    } else if (kind === '(') {
      pairs ??= pairParentheses(text, at);
      end = (pairs.partners.get(at) ?? at - 1) + 1;
      if (end > at) {
        comments.push({ before: kinds.length, text: unquote(text.slice(at + 1, end - 1)) });
        continue;
      }
    } else if (kind === '"') {
      if (quotes) end = match(QUOTED, at);
      quotes &&= end > at;
      kind = 'q';
    } else if (kind === '[') {
      end = match(LITERAL, at);
      kind = 'd';
    } else if ('<>@,;: \t\r\n'.includes(kind)) {
      end = at + 1;
      if (kind <= ' ') continue;
    }
    if (end === at) {
      kind = '?';
      end += 1;
    }

    if (/[wq]/.test(kind) && (text[at] === '.' || text[ends.at(-1)! - 1] === '.')) kind = kind.toUpperCase();
    kinds.push(kind);
    starts.push(at);
    ends.push(end);
  }
  return { text, kinds: kinds.join(''), starts, ends, comments, deep: pairs?.deep === true, escaped };
}

function hasBackslash(word: string, names: NameDecoder | undefined): boolean {
  return word.includes('\\') && (!names || word.replace(names.encodedWord, '').includes('\\'));
}

interface ParenthesisPairs {
  /** From the index of each opening parenthesis to that of its closing one. */
  readonly partners: ReadonlyMap<number, number>;
  readonly deep: boolean;
}

/** Pairs the parentheses, which may nest (RFC 5322 §3.2.2). */
function pairParentheses(text: string, start: number): ParenthesisPairs {
  const partners = new Map<number, number>();
  const open: number[] = [];
  let deep = false;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at += 1;
    else if (character === '(') deep ||= open.push(at) > MAX_COMMENT_DEPTH;
    else if (character === ')' && open.length > 0) partners.set(open.pop()!, at);
  }
  return { partners, deep };
}

/** Removes the backslashes of quoted-pairs from a comment or quoted-string. */
export function unquote(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/gs, '$1') : text;
}
