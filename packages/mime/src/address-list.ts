import {
  checkMailbox,
  type Group,
  MAX_LOCAL_PART,
  MAX_PATH,
  type Mailbox,
  quoteLocalPart,
} from './address.ts';
import { isAsciiDomain } from './domain.ts';
import { decodeWords } from './encoded-word.ts';
import { MimeError } from './errors.ts';

/** Comments nest at most this deep. */
const MAX_COMMENT_DEPTH = 100;

const AT = 64;
const BACKSLASH = 92;
const CLOSE_PAREN = 41;
const COLON = 58;
const COMMA = 44;
const DOT = 46;
const GREATER = 62;
const LESS = 60;
const OPEN_BRACKET = 91;
const OPEN_PAREN = 40;
const QUOTE = 34;
const SEMICOLON = 59;

/** One word of a phrase or local part. */
interface Word {
  /** The content: a quoted-string without its quotes. */
  readonly text: string;
  readonly quoted: boolean;
  readonly start: number;
  readonly end: number;
}

/** What a reading of an address list gave: the entries in order, and what was wrong with the others. */
export interface AddressReading {
  readonly addresses: (Mailbox | Group)[];
  readonly errors: MimeError[];
}

/** How a list is read. */
export interface AddressReadingOptions {
  /** Accept what received mail holds though a sender may not write it: stray dots, host names of any form. */
  readonly lenient?: boolean;
  /** Decodes encoded-words in display names; left out for text that a user typed. */
  readonly decode?: (text: string) => string;
}

/**
 * Reads a list of addresses (RFC 5322 §3.4, with the obsolete forms of §4.4), in time proportional to its length.
 *
 * Use it where a list is wanted; for one address use {@link parseMailbox}.
 *
 * @param text  The unfolded value of a To, Cc or other address field, or what a user typed.
 * @param options.decodeWords  Decode encoded-words in display names (never in addresses); default true.
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX, MB_MIME_ADDRESS_LENGTH, MB_MIME_ADDRESS_NESTING, MB_MIME_DOMAIN.
 * @example parseAddressList('Ann <ann@example.com>, team: bob@example.com;')
 */
export function parseAddressList(
  text: string,
  options?: { readonly decodeWords?: boolean },
): (Mailbox | Group)[] {
  return strict(readAddressList(text, options?.decodeWords === false ? {} : { decode: decodeWords }));
}

function strict({ addresses, errors }: AddressReading): (Mailbox | Group)[] {
  if (errors[0] !== undefined) throw errors[0];
  return addresses;
}

/**
 * Reads exactly one mailbox.
 *
 * @param text  `ann@example.com` or `Ann <ann@example.com>`.
 * @param options.decodeWords  Decode encoded-words in the display name; default true.
 * @throws {MimeError} MB_MIME_ADDRESS_COUNT for none, several or a group; else as {@link parseAddressList}.
 * @example parseMailbox('Ann <ann@example.com>').address // 'ann@example.com'
 */
export function parseMailbox(text: string, options?: { readonly decodeWords?: boolean }): Mailbox {
  return single(parseAddressList(text, options));
}

/** Reads exactly one mailbox of what a user typed: text that looks like an encoded-word is that text. */
export function readMailbox(text: string): Mailbox {
  return readPlainAddress(text) ?? single(strict(readAddressList(text, {})));
}

/** Reads `atom.atom@host.name` without looking for anything else; undefined for every other form. */
function readPlainAddress(text: string): Mailbox | undefined {
  const at = text.indexOf('@');
  if (at > MAX_LOCAL_PART || text.length > MAX_PATH) return undefined;
  for (let i = 0, previous = DOT; i <= at; i++) {
    const unit = text.charCodeAt(i);
    // No dot stands at an end or beside another.
    if (previous === DOT && (unit === DOT || unit === AT)) return undefined;
    if (i < at && (unit > 127 || ATOM_UNITS[unit] !== 1)) return undefined;
    previous = unit;
  }
  const domain = text.slice(at + 1);
  return at > 0 && isAsciiDomain(domain)
    ? { address: text, localPart: text.slice(0, at), domain }
    : undefined;
}

function single([mailbox, ...more]: readonly (Mailbox | Group)[]): Mailbox {
  if (mailbox === undefined || more.length > 0 || 'members' in mailbox) {
    throw new MimeError('MB_MIME_ADDRESS_COUNT', 'One mailbox is wanted here. For several give an array.');
  }
  return mailbox;
}

/** Reads an address list without throwing. */
export function readAddressList(text: string, options: AddressReadingOptions): AddressReading {
  return new AddressReader(text, options).read();
}

/**
 * An address without name, or with a name of quoted text (1) or of atoms (2) before angle brackets: groups 3 and 4 are
 * local part and domain in brackets, 5 and 6 without. No repetition can match one text in two ways, so that a failure
 * takes no longer than a success.
 */
const PLAIN_ENTRY =
  /[ \t]*(?:(?:"([^"\\\0-\x1f\x7f]{1,200})" ?|([\w!#$%&'*+/=?^`{|}~-]{1,200}(?: [\w!#$%&'*+/=?^`{|}~-]{1,200}){0,50}) ?)?<([\w!#$%&'*+/=?^`{|}~-]{1,64}(?:\.[\w!#$%&'*+/=?^`{|}~-]{1,64}){0,32})@([\w.-]{1,255})>|([\w!#$%&'*+/=?^`{|}~-]{1,64}(?:\.[\w!#$%&'*+/=?^`{|}~-]{1,64}){0,32})@([\w.-]{1,255}))[ \t]*(?:,|$)/y;

class AddressReader {
  readonly #text: string;
  readonly #options: AddressReadingOptions;
  #at = 0;
  #comment = '';

  constructor(text: string, options: AddressReadingOptions) {
    this.#text = text;
    this.#options = options;
  }

  read(): AddressReading {
    const addresses: (Mailbox | Group)[] = [];
    const errors: MimeError[] = [];
    while (this.#at < this.#text.length) {
      const plain = this.#readPlain();
      if (plain !== undefined) {
        addresses.push(plain);
        continue;
      }
      try {
        const entry = this.#readEntry(false);
        if (entry !== undefined) addresses.push(entry);
        this.#endEntry();
      } catch (error) {
        if (!MimeError.isInstance(error)) throw error;
        errors.push(error);
        if (error.code === 'MB_MIME_ADDRESS_NESTING' || errors.length >= 100) break;
        this.#skipEntry();
      }
    }
    return { addresses, errors };
  }

  /** Reads an entry of the common form with its comma in one step; undefined, nothing taken, for any other. */
  #readPlain(): Mailbox | undefined {
    PLAIN_ENTRY.lastIndex = this.#at;
    const match = PLAIN_ENTRY.exec(this.#text);
    if (match === null) return undefined;
    const localPart = match[3] ?? match[5]!;
    const domain = match[4] ?? match[6]!;
    if (
      localPart.length > MAX_LOCAL_PART ||
      localPart.length + domain.length >= MAX_PATH ||
      !isAsciiDomain(domain)
    ) {
      return undefined;
    }
    this.#at = PLAIN_ENTRY.lastIndex;
    const address = `${localPart}@${domain}`;
    const name = match[1] ?? match[2] ?? '';
    if (name === '') return { address, localPart, domain };
    return { name: match[2] === undefined ? name : this.#decode(name), address, localPart, domain };
  }

  /** After an entry stands a comma or the end. */
  #endEntry(): void {
    this.#skipBlanks();
    const unit = this.#peek();
    if (unit === COMMA || (unit === SEMICOLON && this.#options.lenient === true)) this.#at += 1;
    else if (!Number.isNaN(unit)) throw this.#syntax('text after the address');
  }

  /** Goes on behind the next comma after an error. */
  #skipEntry(): void {
    const comma = this.#text.indexOf(',', this.#at);
    this.#at = comma < 0 ? this.#text.length : comma + 1;
  }

  /** Reads a mailbox or, outside a group, a group; undefined for an empty list element (RFC 5322 §4.4). */
  #readEntry(inGroup: boolean): Mailbox | Group | undefined {
    this.#comment = '';
    const words = this.#readWords();
    const unit = this.#peek();
    if (unit === LESS) return this.#readAngleAddress(words);
    if (unit === AT) return this.#readBareAddress(words);
    if (unit === COLON && !inGroup && words.length > 0) return this.#readGroup(words);
    if (words.length === 0 && (unit === COMMA || Number.isNaN(unit) || (inGroup && unit === SEMICOLON)))
      return undefined;
    throw this.#syntax('an address without @');
  }

  #readGroup(words: readonly Word[]): Group {
    const name = this.#phrase(words);
    const members: Mailbox[] = [];
    for (;;) {
      this.#at += 1; // the colon, or the comma after a member
      const member = this.#readEntry(true);
      if (member !== undefined && !('members' in member)) members.push(member);
      this.#skipBlanks();
      const unit = this.#peek();
      if (unit === COMMA) continue;
      if (unit !== SEMICOLON) throw this.#syntax('a group without its closing semicolon');
      this.#at += 1;
      return { name, members };
    }
  }

  #readAngleAddress(words: readonly Word[]): Mailbox {
    this.#at += 1;
    this.#skipBlanks();
    if (this.#peek() === AT) this.#skipRoute();
    const local = this.#readWords();
    const mailbox = this.#readAddrSpec(local);
    this.#skipBlanks();
    if (this.#peek() !== GREATER) throw this.#syntax('an address without its closing >');
    this.#at += 1;
    const name = this.#phrase(words);
    return this.#finish(name === '' ? undefined : name, mailbox);
  }

  #readBareAddress(words: readonly Word[]): Mailbox {
    const mailbox = this.#readAddrSpec(words);
    this.#skipBlanks();
    // The form before RFC 822: the name stands in a comment behind the address.
    const comment = this.#comment.trim();
    return this.#finish(comment === '' ? undefined : this.#decode(comment), mailbox);
  }

  #finish(name: string | undefined, mailbox: Mailbox): Mailbox {
    const named = name === undefined ? mailbox : { name, ...mailbox };
    return this.#options.lenient === true ? named : checkMailbox(named);
  }

  /** RFC 5322 §4.4: a source route is read and left out. */
  #skipRoute(): void {
    const colon = this.#text.indexOf(':', this.#at);
    const close = this.#text.indexOf('>', this.#at);
    const next = colon >= 0 && (close < 0 || colon < close) ? colon : -1;
    if (next < 0 || !/^[@\w.,\s[\]-]*$/.test(this.#text.slice(this.#at, next)))
      throw this.#syntax('a route without address');
    this.#at = next + 1;
  }

  #readAddrSpec(words: readonly Word[]): Mailbox {
    if (this.#peek() !== AT || words.length === 0)
      throw this.#syntax('an address without @ or without local part');
    this.#at += 1;
    const localPart = this.#localPart(words);
    this.#skipBlanks();
    const domain = this.#peek() === OPEN_BRACKET ? this.#readLiteral() : this.#readDomain();
    const first = words[0]!;
    const written =
      words.length === 1 && (first.quoted || this.#options.lenient === true)
        ? this.#text.slice(first.start, first.end)
        : quoteLocalPart(localPart);
    return { address: `${written}@${domain}`, localPart, domain };
  }

  /** Joins the words of a local part; only dots may stand between them (RFC 5322 §3.4.1, §4.4). */
  #localPart(words: readonly Word[]): string {
    const pieces: string[] = [];
    let open = true; // a word may follow
    for (const [index, word] of words.entries()) {
      const { text, quoted } = word;
      if (!open && (quoted || !text.startsWith('.'))) throw this.#syntax('a local part of several words');
      const dots = !quoted && /^\.|\.\.|\.$/.test(text);
      if (dots && this.#options.lenient !== true && !this.#dotsJoin(words, index)) {
        throw this.#syntax('a dot that joins nothing');
      }
      open = !quoted && text.endsWith('.');
      pieces.push(text);
    }
    return pieces.join('');
  }

  /** True when the dots of an atom join it to its neighbours: none doubled, none at the ends of the local part. */
  #dotsJoin(words: readonly Word[], index: number): boolean {
    const { text } = words[index]!;
    const before = words[index - 1];
    const after = words[index + 1];
    if (text.includes('..')) return false;
    if (text.startsWith('.') && (before === undefined || (!before.quoted && before.text.endsWith('.'))))
      return false;
    return !text.endsWith('.') || after !== undefined;
  }

  #readLiteral(): string {
    const start = this.#at;
    while (this.#at < this.#text.length) {
      const unit = this.#text.charCodeAt(this.#at++);
      if (unit === BACKSLASH) this.#at += 1;
      else if (unit === 93) return this.#text.slice(start, this.#at);
    }
    throw this.#syntax('an address literal without its closing bracket');
  }

  #readDomain(): string {
    const pieces: string[] = [];
    for (let last = '.'; ; ) {
      const start = this.#at;
      while (this.#at < this.#text.length && isAtomUnit(this.#text.charCodeAt(this.#at))) this.#at += 1;
      if (this.#at === start) break;
      pieces.push(this.#text.slice(start, this.#at));
      last = this.#text[this.#at - 1]!;
      this.#skipBlanks();
      // RFC 5322 §4.4: white space and comments around the dots.
      if (last !== '.' && this.#peek() !== DOT) break;
    }
    if (pieces.length === 0) throw this.#syntax('an address without domain');
    return pieces.join('');
  }

  #readWords(): Word[] {
    const words: Word[] = [];
    for (;;) {
      this.#skipBlanks();
      const start = this.#at;
      const unit = this.#peek();
      if (unit === QUOTE) {
        words.push({ text: this.#readQuoted(), quoted: true, start, end: this.#at });
        continue;
      }
      while (this.#at < this.#text.length && isAtomUnit(this.#text.charCodeAt(this.#at))) this.#at += 1;
      if (this.#at === start) return words;
      words.push({ text: this.#text.slice(start, this.#at), quoted: false, start, end: this.#at });
    }
  }

  #readQuoted(): string {
    let text = '';
    let run = ++this.#at;
    while (this.#at < this.#text.length) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit === QUOTE) {
        text += this.#text.slice(run, this.#at);
        this.#at += 1;
        return text;
      }
      if (unit === BACKSLASH) {
        text += this.#text.slice(run, this.#at);
        run = this.#at + 1;
        this.#at += 1;
      }
      this.#at += 1;
    }
    throw this.#syntax('a quoted string without its closing quote');
  }

  /** Skips white space and comments (RFC 5322 §3.2.2); the last comment is kept. */
  #skipBlanks(): void {
    while (this.#at < this.#text.length) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit === OPEN_PAREN) this.#readComment();
      else if (unit === 32 || unit === 9 || unit === 10 || unit === 13) this.#at += 1;
      else return;
    }
  }

  #readComment(): void {
    const start = ++this.#at;
    let depth = 1;
    for (; this.#at < this.#text.length; this.#at++) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit === BACKSLASH) this.#at += 1;
      else if (unit === OPEN_PAREN) {
        depth += 1;
        if (depth > MAX_COMMENT_DEPTH) {
          throw new MimeError('MB_MIME_ADDRESS_NESTING', `Comments nest at most ${MAX_COMMENT_DEPTH} deep.`);
        }
      } else if (unit === CLOSE_PAREN) {
        depth -= 1;
        if (depth === 0) {
          this.#comment = this.#text.slice(start, this.#at).replace(/\\(.)/gs, '$1');
          this.#at += 1;
          return;
        }
      }
    }
    throw this.#syntax('a comment without its closing parenthesis');
  }

  /** The text of a phrase; encoded-words stand only outside quotes (RFC 2047 §5). */
  #phrase(words: readonly Word[]): string {
    let phrase = '';
    for (let i = 0; i < words.length; ) {
      if (phrase !== '') phrase += ' ';
      if (words[i]!.quoted) phrase += words[i++]!.text;
      else {
        const atoms: string[] = [];
        while (i < words.length && !words[i]!.quoted) atoms.push(words[i++]!.text);
        phrase += this.#decode(atoms.join(' '));
      }
    }
    return phrase;
  }

  #decode(text: string): string {
    return this.#options.decode?.(text) ?? text;
  }

  #peek(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #syntax(what: string): MimeError {
    return new MimeError(
      'MB_MIME_ADDRESS_SYNTAX',
      `No valid address: ${what} at character ${this.#at + 1}. Write name@host or "Name" <name@host>.`,
    );
  }
}

/** 1 for printable ASCII but the specials of RFC 5322 §3.2.3; the dot counts as an atom character here. */
const ATOM_UNITS = /* @__PURE__ */ buildAtomUnits();

function buildAtomUnits(): Uint8Array {
  const table = new Uint8Array(128).fill(1, 33, 127);
  for (const special of '()<>[]:;@\\,"') table[special.charCodeAt(0)] = 0;
  return table;
}

/** An atom character or a dot; non-ASCII belongs to atoms (RFC 6532 §3.2). */
function isAtomUnit(unit: number): boolean {
  return unit > 127 || ATOM_UNITS[unit] === 1;
}
