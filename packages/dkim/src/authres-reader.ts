import { DkimError } from './errors.ts';

const keywordCharacter = /[A-Za-z0-9_-]/;

/** A tokenizer for the value of an Authentication-Results field. */
export class AuthresReader {
  readonly #text: string;
  #at = 0;
  #comments: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** The current position, for {@link goBack}. */
  get position(): number {
    return this.#at;
  }

  /** Returns to an earlier position, and discards the comments. */
  goBack(position: number): void {
    this.#at = position;
    this.#comments = [];
  }

  /** Skips a malformed result up to its semicolon or the end. */
  skipResult(): void {
    try {
      for (this.skipSpace(); !this.atEndOfResult(); this.skipSpace()) {
        if (this.#text[this.#at] === '"') this.#readQuoted();
        else this.#at++;
      }
    } catch {
      // A comment or quoted string without an end extends to the end of the field.
      this.#at = this.#text.length;
    }
    this.#comments = [];
  }

  atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  atEndOfResult(): boolean {
    return this.atEnd() || this.#text[this.#at] === ';';
  }

  atQuote(): boolean {
    return this.#text[this.#at] === '"';
  }

  atEquals(): boolean {
    return this.#text[this.#at] === '=';
  }

  atDigit(): boolean {
    return /[0-9]/.test(this.#text[this.#at] ?? '');
  }

  /** Skips white space, and comments, which {@link takeComments} returns. */
  skipSpace(): void {
    for (; !this.atEnd(); this.#at++) {
      const character = this.#text[this.#at]!;
      if (character === '(') this.#readComment();
      else if (!isSpace(character)) return;
    }
  }

  /** Returns the comments since the last call. */
  takeComments(): string {
    const text = this.#comments.join(' ');
    this.#comments = [];
    return text;
  }

  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  takeSemicolon(): boolean {
    this.skipSpace();
    return this.take(';');
  }

  require(character: string): void {
    if (!this.take(character)) throw this.#unexpected(`"${character}"`);
  }

  requireEnd(): void {
    this.skipSpace();
    if (!this.atEnd()) throw this.#unexpected('the end or ";"');
  }

  readKeyword(what: string): string {
    return this.#readWhile((character) => keywordCharacter.test(character), what);
  }

  readNumber(): number {
    const digits = this.#readWhile((character) => character >= '0' && character <= '9', 'a version');
    if (digits.length > 9) throw this.#unexpected('a small version');
    return Number(digits);
  }

  readSpacedNumber(): number {
    this.skipSpace();
    return this.readNumber();
  }

  /** Reads a token or a quoted string. */
  readValue(what: string): string {
    return this.#text[this.#at] === '"'
      ? this.#readQuoted()
      : this.#readWhile((character) => !isSpace(character) && !'();"'.includes(character), what);
  }

  /** Reads a value, or an address whose local part may be quoted. */
  readPropertyValue(): string {
    let value = '';
    while (!this.atEndOfResult() && !isSpace(this.#text[this.#at]!) && this.#text[this.#at] !== '(') {
      value += this.readValue('a property value');
    }
    return value;
  }

  #readWhile(accept: (character: string) => boolean, what: string): string {
    const from = this.#at;
    while (!this.atEnd() && accept(this.#text[this.#at]!)) this.#at++;
    if (this.#at === from) throw this.#unexpected(what);
    return this.#text.slice(from, this.#at);
  }

  #readQuoted(): string {
    let value = '';
    for (this.#at++; !this.atEnd(); this.#at++) {
      const character = this.#text[this.#at]!;
      if (character === '"') {
        this.#at++;
        return value;
      }
      if (character === '\\') this.#at++;
      // Folding white space in a quoted string counts as white space (RFC 5322 §2.2.3).
      if (character !== '\r' && character !== '\n') value += this.#text[this.#at] ?? '';
    }
    throw this.#unexpected('the end of a quoted string');
  }

  /** Reads a comment, up to its closing parenthesis. RFC 5322 §3.2.2: comments nest. */
  #readComment(): void {
    const from = this.#at + 1;
    for (let depth = 0; !this.atEnd(); this.#at++) {
      const character = this.#text[this.#at];
      if (character === '\\') this.#at++;
      else if (character === '(') depth++;
      else if (character === ')' && --depth === 0) {
        // RFC 5322 §3.2.1: the backslash of a quoted pair is not part of the text.
        this.#comments.push(
          this.#text
            .slice(from, this.#at)
            .replace(/\\([\s\S])/g, '$1')
            .replace(/[\r\n]+/g, ''),
        );
        return;
      }
    }
    throw this.#unexpected('the end of a comment');
  }

  #unexpected(wanted: string): DkimError {
    return new DkimError('MB_DKIM_AUTHRES_SYNTAX', `Expected ${wanted} at character ${this.#at + 1}.`, {
      kind: 'peer-misbehaved',
    });
  }
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\n';
}
