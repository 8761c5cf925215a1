/** RFC 5322 §2.1.1: lines should have no more than 78 characters. */
const lineLimit = 78;

/** Writes a tag list as a folded header field: `Name: a=1; b=2;`. */
export class TagFieldWriter {
  #text: string;
  #column: number;

  /** @param name  The field name. */
  constructor(name: string) {
    this.#text = `${name}:`;
    this.#column = name.length + 1;
  }

  /** Adds `name=value;`, which is not broken. */
  tag(name: string, value: string | number): this {
    this.#put(' ', `${name}=${value};`);
    return this;
  }

  /** Adds `name=part<separator>part…;`, which may be broken after each separator. */
  listTag(name: string, parts: readonly string[], separator: ':' | '|'): this {
    const last = parts.length - 1;
    for (const [index, part] of parts.entries()) {
      const atom = `${part}${index === last ? ';' : separator}`;
      if (index === 0) this.#put(' ', `${name}=${atom}`);
      else this.#put('', atom);
    }
    return this;
  }

  /** Adds `name=part|part…;` whose parts are dkim-quoted-printable and may be broken anywhere (RFC 6376 §2.11). */
  copiesTag(name: string, parts: readonly string[]): this {
    const text = `${parts.join('|')};`;
    // Pieces of at most a line; an `=XX` is not split.
    const pieces = text.match(/(?:=[0-9A-F]{2}|[^=]){1,25}/g) ?? [];
    for (const [index, piece] of pieces.entries()) {
      if (index === 0) this.#put(' ', `${name}=${piece}`);
      else this.#put('', piece);
    }
    return this;
  }

  /** Returns the text up to and including `b=`, which is hashed as the last field (RFC 6376 §3.7). */
  openSignature(): string {
    this.#put(' ', 'b=');
    return this.#text;
  }

  /** Returns the field with the signature and CRLF; call it after {@link openSignature}. */
  close(signature: Uint8Array): string {
    const text = Buffer.from(signature.buffer, signature.byteOffset, signature.byteLength).toString('base64');
    let at = Math.max(0, lineLimit - this.#column);
    let out = this.#text + text.slice(0, at);
    while (at < text.length) {
      out += `\r\n\t${text.slice(at, at + lineLimit - 1)}`;
      at += lineLimit - 1;
    }
    return `${out}\r\n`;
  }

  #put(gap: string, atom: string): void {
    if (this.#column + gap.length + atom.length > lineLimit) {
      this.#text += `\r\n\t${atom}`;
      this.#column = 1 + atom.length;
    } else {
      this.#text += gap + atom;
      this.#column += gap.length + atom.length;
    }
  }
}

/**
 * Encodes octets as dkim-quoted-printable (RFC 6376 §2.11), including white space, `;`, `=` and the characters of
 * `alsoEncode`.
 */
export function encodeDkimQuotedPrintable(octets: Uint8Array, alsoEncode = ''): string {
  let out = '';
  for (const octet of octets) {
    const character = String.fromCharCode(octet);
    const literal =
      octet > 0x20 &&
      octet < 0x7f &&
      character !== ';' &&
      character !== '=' &&
      !alsoEncode.includes(character);
    out += literal ? character : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
