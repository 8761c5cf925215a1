import { type Group, INVISIBLE, MAX_LOCAL_PART, type Mailbox, quoteLocalPart } from './address.ts';
import {
  AddressTokens,
  AT,
  COLON,
  COMMA,
  GREATER,
  LESS,
  OPEN_BRACKET,
  QUOTE,
  SEMICOLON,
  WORD,
} from './address-token.ts';
import { onOneLine } from './header-fold.ts';

/** What is wrong with a list: its comments nest too deep, a dot before an @ joins nothing, or anything else. */
export type AddressFault = 'nesting' | 'dots' | 'syntax';

/** Tokens from one index to before another, between two separators. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  /** The content of its last comment; empty for none. */
  readonly comment: string;
}

/** What a lenient reader does besides. */
export interface Recovery {
  /** Makes mailboxes of a piece that is not as the grammar wants it. */
  recover(reader: AddressReader, piece: Piece): readonly Mailbox[];
  /** Whether the colon at an index, of a group that does not end, belongs to a name. */
  belongsToName(tokens: AddressTokens, colon: number): boolean;
}

/** How a list is read. */
export interface AddressReadingOptions {
  /** Decodes encoded-words in display names; left out for text that a user typed. */
  readonly decode?: ((text: string) => string) | undefined;
  /** Accept dots that join nothing before the @, and leave out one after the domain. */
  readonly received?: boolean;
  /** What makes the reader lenient; without it a piece that is not as the grammar wants it is lost. */
  readonly recovery?: Recovery | undefined;
}

/** An addr-spec among tokens. */
export interface AddrSpec extends Mailbox {
  /** Index of its first token, and the index after its last one. */
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a list of addresses (RFC 5322 §3.4 with the obsolete forms of §4.4) and never throws.
 *
 * The list is split at commas and semicolons outside quoted strings, comments and brackets. Each piece is one mailbox,
 * or there is a fault and the piece goes to the recovery.
 */
export class AddressReader {
  readonly addresses: (Mailbox | Group)[] = [];
  /** The first fault. */
  fault: AddressFault | undefined;
  /** Where it is: a character, from 0. */
  faultAt = 0;
  /** Another reader could take something else for an address than what is in `addresses`. */
  ambiguous = false;
  readonly tokens: AddressTokens;
  readonly options: AddressReadingOptions;

  constructor(text: string, options: AddressReadingOptions) {
    this.options = options;
    this.tokens = new AddressTokens(text, options.decode !== undefined);
    if (this.tokens.deep) this.fail(0, 'nesting');
    if (this.tokens.escaped) this.fail(0);
    this.#readList();
  }

  #readList(): void {
    const { tokens } = this;
    const { kinds, closes, comments } = tokens;
    const { recovery } = this.options;
    const lastSemicolon = kinds.lastIndexOf(SEMICOLON);
    let members: Mailbox[] | undefined; // of the group
    let ended = false; // a group ended, and no comma followed
    let nextComment = 0;
    for (let from = 0, i = 0, named = true; i <= kinds.length; i++) {
      const kind = kinds[i];
      if (kind === COLON && named && i > from && members === undefined) {
        if (i > lastSemicolon) {
          this.fail(from);
          // `Re: Ann <ann@example.com>` is a name with a colon rather than a group.
          named = recovery?.belongsToName(tokens, i) !== true;
          if (!named) continue;
        }
        members = [];
        this.addresses.push({ name: this.phrase(from, i), members });
      } else if (kind === undefined || kind === COMMA || kind === SEMICOLON) {
        let comment = '';
        while (nextComment < comments.length && comments[nextComment]!.before <= i)
          comment = comments[nextComment++]!.text.trim();
        if (i > from) {
          if (ended) this.fail(from);
          this.#readPiece({ from, to: i, comment }, members ?? this.addresses);
        }
        ended = kind === SEMICOLON;
        if (ended) {
          if (members === undefined) this.fail(i);
          members = undefined;
        }
      } else {
        if (kind === AT || kind === LESS) named = false;
        if (kind === LESS) i = closes.get(i) ?? i; // commas in angle brackets separate nothing
        continue;
      }
      from = i + 1;
      named = true;
    }
  }

  /** Adds the mailbox of a piece. */
  #readPiece(piece: Piece, out: (Mailbox | Group)[]): void {
    const { tokens } = this;
    const { kinds } = tokens;
    const { from, to, comment } = piece;
    let front = from;
    while (front < to && tokens.isWord(front)) front += 1;
    const angle = kinds[front] === LESS && kinds[to - 1] === GREATER;
    const end = angle ? to - 1 : to;
    let start = angle ? front + 1 : from;
    // RFC 5322 §4.4: a source route is read and left out.
    if (angle && kinds[start] === AT) start = this.#endOfRoute(start, end);
    const spec = this.addrSpecs(start, end)[0];
    if (spec?.start === start && spec.end === end) {
      // The form before RFC 822: the name is in a comment after the address.
      out.push(named(angle ? this.phrase(from, front) : '', comment, this, spec));
    } else {
      this.fail(from);
      for (const mailbox of this.options.recovery?.recover(this, piece) ?? []) out.push(mailbox);
    }
  }

  #endOfRoute(from: number, to: number): number {
    const { kinds } = this.tokens;
    let end = from;
    while (end < to && [AT, WORD, COMMA, OPEN_BRACKET].includes(kinds[end]!)) end += 1;
    return kinds[end] === COLON ? end + 1 : from;
  }

  /** The addr-specs among the tokens from one index to before another. */
  addrSpecs(from: number, to: number): AddrSpec[] {
    const { tokens } = this;
    const { kinds } = tokens;
    const specs: AddrSpec[] = [];
    let least = from;
    for (let at = from; at < to; at++) {
      if (kinds[at] !== AT) continue;
      // Only dots join words (RFC 5322 §3.4.1), with white space and comments around them (§4.4).
      let start = at;
      while (start > least && tokens.isWord(start - 1) && (start === at || tokens.joins(start))) start -= 1;
      let end = at + 1;
      while (end < to && kinds[end] === WORD && (end === at + 1 || tokens.joins(end))) end += 1;
      if (end === at + 1 && end < to && kinds[end] === OPEN_BRACKET) end += 1;
      if (start === at || end === at + 1) continue;
      specs.push(this.#addrSpec(start, at, end));
      least = end;
      at = end - 1;
    }
    return specs;
  }

  #addrSpec(start: number, at: number, end: number): AddrSpec {
    const { received = false, recovery } = this.options;
    const { text, starts, ends, kinds } = this.tokens;
    const localPart = this.#join(start, at);
    let written = text.slice(starts[start], ends[start]);
    let shape = kinds[start] === QUOTE ? '' : written;
    if (at > start + 1) {
      shape = '';
      for (let i = start; i < at; i++) shape += kinds[i] === QUOTE ? 'q' : this.tokens.textAt(i);
      written = shape === localPart ? localPart : quoteLocalPart(localPart);
    }
    if (!received && /^\.|\.\.|\.$/.test(shape)) this.fail(start, 'dots');
    if (/[\s()<>[\]:;@\\,"]/.test(shape)) {
      // An encoded-word with specials cannot be part of an address.
      this.fail(start);
      written = quoteLocalPart(localPart);
    }
    let domain = this.#join(at + 1, end);
    if (domain.endsWith('.') && (received || recovery !== undefined)) {
      // The dot of an absolute domain name changes nothing.
      if (!received) this.fail(at);
      domain = domain.slice(0, -1);
    }
    const address = `${written}@${domain}`;
    if (recovery !== undefined && (localPart.length > MAX_LOCAL_PART || INVISIBLE.test(address)))
      this.fail(start);
    return { address, localPart, domain, start, end };
  }

  #join(from: number, to: number): string {
    let text = this.tokens.textAt(from);
    for (let i = from + 1; i < to; i++) text += this.tokens.textAt(i);
    return text;
  }

  /** The text of a phrase. Encoded-words are decoded in atoms (RFC 2047 §5), by a lenient reader also in quotes. */
  phrase(from: number, to: number): string {
    const { tokens } = this;
    const { starts, ends, kinds } = tokens;
    let phrase = '';
    let run = ''; // of what is not quoted
    for (let i = from; i < to; i++) {
      if (i > from && (starts[i]! > ends[i - 1]! || (tokens.isWord(i) && tokens.isWord(i - 1)))) run += ' ';
      const text = tokens.textAt(i);
      if (kinds[i] === QUOTE) {
        const decoded = this.options.recovery === undefined ? text : this.decode(text);
        if (decoded !== text) this.fail(i);
        phrase += this.decode(run) + decoded;
        run = '';
      } else run += text;
    }
    return phrase + this.decode(run);
  }

  /** Decodes encoded-words; a line break or NUL in them becomes a space, so that the name can be written again. */
  decode(text: string): string {
    const decoded = this.options.decode?.(text) ?? text;
    const line = decoded === text ? text : onOneLine(decoded);
    if (line !== decoded) this.fail(0);
    return line;
  }

  /** Notes a fault at a token, unless there was one before. */
  fail(token: number, fault: AddressFault = 'syntax'): void {
    if (this.fault === undefined) this.faultAt = this.tokens.starts[token] ?? 0;
    this.fault ??= fault;
  }
}

/** The mailbox of an addr-spec, with the name or, where there is none, what a comment says. */
export function named(name: string, comment: string, reader: AddressReader, spec: AddrSpec): Mailbox {
  const { address, localPart, domain } = spec;
  const shown = name === '' && comment !== '' ? reader.decode(comment) : name;
  return shown === '' ? { address, localPart, domain } : { name: shown, address, localPart, domain };
}
