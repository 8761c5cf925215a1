import {
  type Group,
  INVISIBLE,
  MAX_LOCAL_PART,
  MAX_PATH,
  type Mailbox,
  ODD_DOTS,
  quoteLocalPart,
} from './address.ts';
import { type AddressTokens, type NameDecoder, readTokens, unquote } from './address-token.ts';
import { onOneLine } from './header-fold.ts';

/** What is wrong with a list: comments nest too deep, a misplaced dot before an @, or anything else. */
export type AddressFault = 'nesting' | 'dots' | 'syntax';

/** The tokens between two separators. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  /** The text of its last comment; empty for none. */
  readonly comment: string;
}

/** Finds mailboxes in a piece that does not follow the grammar. */
export type Recovery = (reader: AddressReader, piece: Piece) => readonly Mailbox[];

/** Options of {@link AddressReader}. */
export interface AddressReadingOptions {
  /** Decodes encoded-words in display names; omit it for text that a user typed. */
  readonly names?: NameDecoder | undefined;
  /** Accept misplaced dots before the @, and remove a dot after the domain. */
  readonly received?: boolean;
  /** Makes the reader lenient. Without it, pieces that do not follow the grammar are skipped. */
  readonly recovery?: Recovery | undefined;
}

/** An addr-spec among tokens. */
export interface AddrSpec extends Mailbox {
  /** Index of its first token, and the index after its last one. */
  readonly start: number;
  readonly end: number;
}

/** The usual entry of a list: an optional name, as words or in quotes, an ASCII address, and a comma. */
const PLAIN =
  /[ \t]*(?:(?:"([^"\\?]*)"|([^\0-\x20\x7f()<>[\]:;@,"\\?]+(?:\?[^\0-\x20\x7f()<>[\]:;@,"\\?]+\?[bq]\?[^\0-\x20\x7f()<>[\]:;@,"\\?]*\?=)?(?: [^\0-\x20\x7f()<>[\]:;@,"\\?]+(?:\?[^\0-\x20\x7f()<>[\]:;@,"\\?]+\?[bq]\?[^\0-\x20\x7f()<>[\]:;@,"\\?]*\?=)?)*))?[ \t]*(<))?([\w!#$%&'*+/=^`{|}~-]+(?:\.[\w!#$%&'*+/=^`{|}~-]+)*)@((?:\w(?:[\w-]{0,61}\w)?\.)*\w(?:[\w-]{0,61}\w)?)(>?)[ \t]*(?:,|$)/iy;

// The following patterns match AddressTokens.kinds.
/** Everything up to a comma or semicolon that is not in angle brackets. */
const PIECE = /((?:<[^<>]*>|[^,;])*)([,;]|$)/g;
/** The name of a group and its colon. */
const GROUP_NAME = /^([^@<,;][^@<,;:]*):/;
/**
 * An addr-spec, or a phrase and an addr-spec in angle brackets, where a source route may come first (RFC 5322 §4.4).
 */
const MAILBOX = /^(?:([wqWQ]*)<(@[@wWd,]*:)?)?([wqWQ][WQ]*)@(?:[wW]W*|d)(>?)$/;

/**
 * Parses a list of addresses (RFC 5322 §3.4 with the obsolete forms of §4.4). Never throws.
 *
 * The list is split at commas and semicolons outside quoted-strings, comments and brackets. A piece that is not one
 * mailbox is a fault and is passed to the recovery.
 */
export class AddressReader {
  readonly addresses: (Mailbox | Group)[] = [];
  /** The first fault. */
  fault: AddressFault | undefined;
  /** The character index of the first fault. */
  faultAt = 0;
  /** How many addresses at the start are ASCII and within all limits, so that they need no further check. */
  plain = 0;
  /** Whether another reader could see an address that is not in `addresses`. */
  ambiguous = false;
  declare readonly tokens: AddressTokens;
  readonly options: AddressReadingOptions;

  constructor(text: string, options: AddressReadingOptions) {
    this.options = options;
    this.tokens = readTokens(text, this.#readPlain(text), options.names);
    if (this.tokens.deep) this.fail(0, 'nesting');
    if (this.tokens.escaped) this.fail(0);
    this.#readList();
  }

  /** Reads the plain entries at the start. Returns where the rest begins. */
  #readPlain(text: string): number {
    for (let at = 0; ; at = PLAIN.lastIndex) {
      PLAIN.lastIndex = at;
      const [, quoted, words, open, localPart = '', domain = '', close] = PLAIN.exec(text) ?? [];
      const length = localPart.length > MAX_LOCAL_PART ? MAX_PATH : localPart.length + domain.length;
      if (domain === '' || (open === undefined) !== (close === '') || length >= MAX_PATH) {
        this.plain = this.addresses.length;
        return at;
      }
      const name = quoted ?? (words && this.decode(words));
      this.addresses.push(named(name, { address: `${localPart}@${domain}`, localPart, domain }));
    }
  }

  #readList(): void {
    const { kinds, comments } = this.tokens;
    const lastSemicolon = kinds.lastIndexOf(';');
    let members: Mailbox[] | undefined; // of the current group
    let ended = false; // a group ended and no comma followed
    let nextComment = 0;
    for (const { 1: piece = '', 2: separator, index } of kinds.matchAll(PIECE)) {
      const to = index + piece.length;
      let from = index;
      const name = members === undefined ? GROUP_NAME.exec(piece)?.[1] : undefined;
      if (name !== undefined) {
        const colon = from + name.length;
        const endless = colon > lastSemicolon;
        if (endless) this.fail(from);
        // In `Re: Ann <ann@example.com>` the colon belongs to the name.
        if (!endless || this.options.recovery === undefined || !piece.includes('<')) {
          members = [];
          this.addresses.push({ name: this.phrase(from, colon), members });
          from = colon + 1;
        }
      }
      let comment = '';
      while (nextComment < comments.length && comments[nextComment]!.before <= to)
        comment = comments[nextComment++]!.text.trim();
      if (to > from) {
        if (ended) this.fail(from);
        this.#readPiece({ from, to, comment }, members ?? this.addresses);
      }
      ended = separator === ';';
      if (ended) {
        if (members === undefined) this.fail(to);
        members = undefined;
      }
    }
  }

  /** Adds the mailbox of a piece. */
  #readPiece(piece: Piece, out: (Mailbox | Group)[]): void {
    const { from, to, comment } = piece;
    const [, name, route = '', local = '', close] = MAILBOX.exec(this.tokens.kinds.slice(from, to)) ?? [];
    if (local !== '' && (name === undefined) === (close === '')) {
      const front = from + (name?.length ?? 0);
      const start = name === undefined ? from : front + 1 + route.length;
      const spec = this.addrSpec(start, start + local.length, to - close!.length);
      // Before RFC 822 the name was in a comment after the address.
      out.push(named(this.phrase(from, front) || this.decode(comment), spec));
    } else {
      this.fail(from);
      for (const mailbox of this.options.recovery?.(this, piece) ?? []) out.push(mailbox);
    }
  }

  /**
   * Parses an addr-spec.
   *
   * @param start  Index of its first token.
   * @param at  Index of the @.
   * @param end  Index after its last token.
   */
  addrSpec(start: number, at: number, end: number): AddrSpec {
    const { received = false, recovery } = this.options;
    const { text, starts, ends, kinds } = this.tokens;
    const localPart = this.join(start, at);
    let shape = ''; // the local part with each quoted-string replaced by a letter
    for (let i = start; i < at; i++) shape += /q/i.test(kinds[i]!) ? 'q' : this.textAt(i);
    let written = text.slice(starts[start], ends[start]);
    if (at > start + 1) written = shape === localPart ? localPart : quoteLocalPart(localPart);
    if (!received && ODD_DOTS.test(shape)) this.fail(start, 'dots');
    if (/[\s()<>[\]:;@\\,"]/.test(shape)) {
      // An encoded-word with specials cannot be part of an address.
      this.fail(start);
      written = quoteLocalPart(localPart);
    }
    let domain = this.join(at + 1, end);
    if (domain.endsWith('.') && (received || recovery !== undefined)) {
      // The dot of an absolute domain name has no effect.
      if (!received) this.fail(at);
      domain = withoutLastDots(domain);
    }
    const address = `${written}@${domain}`;
    if (recovery !== undefined && (localPart.length > MAX_LOCAL_PART || INVISIBLE.test(address)))
      this.fail(start);
    return { address, localPart, domain, start, end };
  }

  /** The text of a token, or the content of a quoted-string. */
  textAt(index: number): string {
    const { text, starts, ends, kinds } = this.tokens;
    const written = text.slice(starts[index], ends[index]);
    return /q/i.test(kinds[index]!) ? unquote(written.slice(1, -1)) : written;
  }

  /** The concatenated texts of tokens. */
  join(from: number, to: number): string {
    let text = '';
    for (let i = from; i < to; i++) text += this.textAt(i);
    return text;
  }

  /** The text of a phrase. Decodes encoded-words in atoms (RFC 2047 §5); a lenient reader also in quoted-strings. */
  phrase(from: number, to: number): string {
    const { starts, ends, kinds } = this.tokens;
    let phrase = '';
    let run = ''; // consecutive unquoted text
    for (let i = from; i < to; i++) {
      if (i > from && (starts[i]! > ends[i - 1]! || /^[wq]{2}$/i.test(kinds.slice(i - 1, i + 1)))) run += ' ';
      const text = this.textAt(i);
      if (/q/i.test(kinds[i]!)) {
        const decoded = this.options.recovery === undefined ? text : this.decode(text);
        if (decoded !== text) this.fail(i);
        phrase += this.decode(run) + decoded;
        run = '';
      } else run += text;
    }
    return phrase + this.decode(run);
  }

  /** Decodes encoded-words. Line breaks and NUL in them become spaces, so that the name can be written to a header. */
  decode(text: string): string {
    const decoded = this.options.names?.decode(text) ?? text;
    const line = decoded === text ? text : onOneLine(decoded);
    if (line !== decoded) this.fail(0);
    return line;
  }

  /** Records a fault at a token, unless one is recorded already. */
  fail(token: number, fault: AddressFault = 'syntax'): void {
    if (this.fault === undefined) this.faultAt = this.tokens?.starts[token] ?? 0;
    this.fault ??= fault;
  }
}

/** Combines an address with a name, which may be empty. */
export function named(name: string | undefined, { address, localPart, domain }: Mailbox): Mailbox {
  return name ? { name, address, localPart, domain } : { address, localPart, domain };
}

/** Removes the dots at the end of a domain: one is valid in an absolute name, several are a mistake. */
export function withoutLastDots(domain: string): string {
  let end = domain.length;
  while (domain[end - 1] === '.') end -= 1;
  return domain.slice(0, end);
}
