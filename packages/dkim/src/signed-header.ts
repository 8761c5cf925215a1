import { fieldsByName } from './field-selection.ts';
import { type HeaderField, scanHeader } from './header-scan.ts';

/** A header block with its fields, which selects the fields of `h=`. */
export class SignedHeader {
  readonly octets: Uint8Array;
  readonly fields: readonly HeaderField[];
  readonly byName: ReadonlyMap<string, readonly HeaderField[]>;

  constructor(octets: Uint8Array) {
    this.octets = octets;
    this.fields = scanHeader(octets);
    this.byName = fieldsByName(this.fields);
  }

  /** The value of a field as text, decoded from UTF-8 (RFC 6532). */
  value(field: HeaderField): string {
    const { buffer, byteOffset, byteLength } = this.octets;
    return Buffer.from(buffer, byteOffset, byteLength).toString('utf8', field.colon + 1, field.end);
  }

  /**
   * RFC 6376 §5.4.2: each occurrence of a name in `h=` selects the next field from the bottom, except the signature
   * itself.
   */
  select(names: readonly string[], own: HeaderField): Set<HeaderField> {
    const taken = new Map<string, number>();
    const selected = new Set<HeaderField>();
    for (const name of names) {
      const group = this.byName.get(name);
      if (group === undefined) continue;
      let at = taken.get(name) ?? group.length - 1;
      if (group[at] === own) at--;
      if (at >= 0) selected.add(group[at]!);
      taken.set(name, at - 1);
    }
    return selected;
  }
}
