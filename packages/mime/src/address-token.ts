export const AT = 64;
export const CLOSE_PAREN = 41;
export const COLON = 58;
export const COMMA = 44;
export const GREATER = 62;
export const LESS = 60;
export const OPEN_BRACKET = 91;
export const OPEN_PAREN = 40;
export const QUOTE = 34;
export const SEMICOLON = 59;
const BACKSLASH = 92;
const EQUALS = 61;

/** Kinds of tokens besides the specials, whose kind is their code unit. */
export const WORD = 1;
/** A character that has no place here: a control, or a quote, parenthesis or bracket without its partner. */
export const STRAY = 2;

const MAX_COMMENT_DEPTH = 100;

/** 1 for the characters of words: atom characters (RFC 5322 §3.2.3) and the dot; 2 for white space; 3 for specials. */
const UNITS = /* @__PURE__ */ buildUnits();

function buildUnits(): Uint8Array {
  const units = new Uint8Array(128).fill(1, 33, 127);
  for (const special of '()[]"') units[special.charCodeAt(0)] = 0;
  for (const special of '<>@,;:') units[special.charCodeAt(0)] = 3;
  for (const space of ' \t\r\n') units[space.charCodeAt(0)] = 2;
  return units;
}

/** RFC 2047 §2; a word with spaces or specials inside is damaged, but still meant as one word. */
const ENCODED_WORD = /=\?[^?\s]{1,60}\?[bq]\?[^?\r\n]*\?=/iy;

/**
 * What an address list consists of (RFC 5322 §3.2.1), found in time proportional to its length.
 *
 * Token `i` has the kind `kinds[i]`, which is WORD for a run of atom characters and dots, QUOTE for a quoted-string,
 * OPEN_BRACKET for text in square brackets, STRAY, or the code unit of a special, and is the text from `starts[i]` to
 * `ends[i]`. Comments and white space are no tokens.
 */
export class AddressTokens {
  readonly text: string;
  readonly kinds: number[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** The `>` of each `<` that has one before any other `<`. */
  readonly closes = new Map<number, number>();
  /** The content of the comments, and the token that each is before. */
  readonly comments: { readonly before: number; readonly text: string }[] = [];
  /** A comment nests over 100 deep. */
  deep = false;
  /** A backslash is outside quotes and comments. */
  escaped = false;

  /** @param encoded  Whether an encoded-word is one word whatever it holds; false for text that a user typed. */
  constructor(text: string, encoded: boolean) {
    this.text = text;
    let open = -1;
    let quotes = true; // after a quote without partner no later quote has one
    let comments: Map<number, number> | undefined;
    for (let at = 0, end = 0; at < text.length; at = end) {
      const unit = text.charCodeAt(at);
      const group = unit < 128 ? UNITS[unit]! : 1;
      let kind = unit;
      end = at + 1;
      if (group === 2) continue;
      if (group === 1) {
        kind = WORD;
        end = this.#endOfWord(at, encoded);
      } else if (unit === QUOTE && quotes) {
        end = this.#endOfQuoted(end);
        quotes = end > 0;
      } else if (unit === OPEN_PAREN) {
        comments ??= this.#pairParentheses(at);
        end = (comments.get(at) ?? -1) + 1;
        if (end > 0) {
          this.comments.push({ before: this.kinds.length, text: unquote(text.slice(at + 1, end - 1)) });
          continue;
        }
      } else if (unit === OPEN_BRACKET) {
        while (end < text.length && !'[]<>()"@\\'.includes(text[end]!)) end += 1;
        end = text[end] === ']' ? end + 1 : 0;
      } else if (group === 0) end = 0;
      else if (unit === LESS) open = this.kinds.length;
      else if (unit === GREATER && open >= 0) {
        this.closes.set(open, this.kinds.length);
        open = -1;
      }
      if (end === 0) {
        kind = STRAY;
        end = at + 1;
      }
      this.kinds.push(kind);
      this.starts.push(at);
      this.ends.push(end);
    }
  }

  /** The content of a quoted-string without its quoted-pairs; the text of any other token as it is. */
  textAt(index: number): string {
    const text = this.text.slice(this.starts[index], this.ends[index]);
    return this.kinds[index] === QUOTE ? unquote(text.slice(1, -1)) : text;
  }

  /** True for what a phrase or local part consists of. */
  isWord(index: number): boolean {
    const kind = this.kinds[index];
    return kind === WORD || kind === QUOTE;
  }

  /** Whether a dot joins the token to the one before it. */
  joins(index: number): boolean {
    const { kinds, starts, ends, text } = this;
    return (
      (kinds[index] === WORD && text[starts[index]!] === '.') ||
      (kinds[index - 1] === WORD && text[ends[index - 1]! - 1] === '.')
    );
  }

  #endOfWord(start: number, encoded: boolean): number {
    const { text } = this;
    let end = start;
    for (; end < text.length; end++) {
      const unit = text.charCodeAt(end);
      if (unit < 128 && UNITS[unit] !== 1) break;
      if (unit === BACKSLASH) this.escaped = true;
      if (unit !== EQUALS || !encoded) continue;
      ENCODED_WORD.lastIndex = end;
      if (ENCODED_WORD.test(text)) end = ENCODED_WORD.lastIndex - 1;
    }
    return end;
  }

  /** The index after the closing quote; 0 for none. */
  #endOfQuoted(start: number): number {
    for (let at = start; at < this.text.length; at++) {
      const unit = this.text.charCodeAt(at);
      if (unit === QUOTE) return at + 1;
      if (unit === BACKSLASH) at += 1;
    }
    return 0;
  }

  /** Finds the partner of each parenthesis, which may nest (RFC 5322 §3.2.2). */
  #pairParentheses(start: number): Map<number, number> {
    const partners = new Map<number, number>();
    const open: number[] = [];
    for (let at = start; at < this.text.length; at++) {
      const unit = this.text.charCodeAt(at);
      if (unit === BACKSLASH) at += 1;
      else if (unit === OPEN_PAREN) this.deep ||= open.push(at) > MAX_COMMENT_DEPTH;
      else if (unit === CLOSE_PAREN && open.length > 0) partners.set(open.pop()!, at);
    }
    return partners;
  }
}

function unquote(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/gs, '$1') : text;
}
