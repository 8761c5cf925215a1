import { fieldsByName } from './field-selection.ts';
import { type HeaderField, scanHeader } from './header-scan.ts';

/** A header block with its fields, and which of them a list in `h=` means. */
export class SignedHeader {
  readonly octets: Uint8Array;
  readonly fields: readonly HeaderField[];
  readonly byName: ReadonlyMap<string, readonly HeaderField[]>;

  constructor(octets: Uint8Array) {
    this.octets = octets;
    this.fields = scanHeader(octets);
    this.byName = fieldsByName(this.fields);
  }

  /** The value of a field as text: octets are UTF-8, as RFC 6532 has it. */
  value(field: HeaderField): string {
    const { buffer, byteOffset, byteLength } = this.octets;
    return Buffer.from(buffer, byteOffset, byteLength).toString('utf8', field.colon + 1, field.end);
  }

  /** RFC 6376 §5.4.2: each mention of a name takes the next occurrence from the bottom; never the signature itself. */
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
