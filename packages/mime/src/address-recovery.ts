import { type Mailbox, quoteLocalPart } from './address.ts';
import { AddressReader, type AddrSpec, named, type Piece, type Recovery } from './address-reader.ts';
import { type AddressTokens, AT, COMMA, GREATER, LESS, QUOTE, STRAY, WORD } from './address-token.ts';

/**
 * Makes the best of damaged lists.
 *
 * What is in the last angle brackets that hold an address is the address, and what is before them is the name,
 * whatever it looks like. Without angle brackets each `local@domain` is an address. The reader is marked `ambiguous`
 * where another reader could see another address.
 */
export const recovery: Recovery = { recover, belongsToName };

function recover(reader: AddressReader, { from, to, comment }: Piece): readonly Mailbox[] {
  const { kinds, text, starts } = reader.tokens;
  let open = to; // the last angle bracket that holds an address
  let close = to;
  let specs: AddrSpec[] = [];
  while (specs.length === 0 && open-- > from) {
    if (kinds[open] === LESS) specs = routable(reader, open + 1, close);
    if (specs.length === 0 && (kinds[open] === LESS || kinds[open] === GREATER)) close = open;
  }
  const quoted = quotedAddresses(reader, from, to);
  if (specs.length === 0) specs = routable(reader, from, to);
  else {
    const { address } = specs.at(-1)!;
    // Mail domains have a dot: `Ann @ Acme` is a name.
    const isRival = (rival: AddrSpec) =>
      /[.[]/.test(rival.domain) && rival.address.toLowerCase() !== address.toLowerCase();
    reader.ambiguous ||= [...routable(reader, from, open), ...routable(reader, close, to)].some(isRival);
  }
  // A quote without partner: what other quotes hold may be outside of them.
  for (let i = from; i < to; i++)
    reader.ambiguous ||= quoted.length > 0 && kinds[i] === STRAY && text[starts[i]!] === '"';
  const [first] = specs;
  if (first === undefined) {
    // A mailbox that is all in quotes: `"Ann <ann@example.com>"`.
    const all = kinds.slice(from, to).every((kind) => kind === QUOTE || kind === LESS || kind === GREATER);
    reader.ambiguous ||= all && quoted.length > 0;
    return all ? quoted : [];
  }
  const angle = open >= from;
  let front = angle ? open : first.start;
  while (front > from && kinds[front - 1] === LESS) front -= 1;
  let back = angle ? close : specs.at(-1)!.end;
  while (back < to && kinds[back] === GREATER) back += 1;
  const name = front > from ? reader.phrase(from, front) : reader.phrase(back, to);
  return specs.map((spec) =>
    spec === first ? named(name, comment, reader, spec) : named('', '', reader, spec),
  );
}

/** The addr-specs among tokens. `a@b@example.com` is one: hosts that accept it route it by the last @. */
function routable(reader: AddressReader, from: number, to: number): AddrSpec[] {
  const { tokens } = reader;
  const specs: AddrSpec[] = [];
  for (const spec of reader.addrSpecs(from, to)) {
    const { start } = spec;
    if (start < (specs.at(-1)?.end ?? 0)) continue;
    let { end } = spec;
    while (end + 1 < to && tokens.kinds[end] === AT && tokens.kinds[end + 1] === WORD) end += 2;
    if (end > spec.end) {
      reader.ambiguous = true;
      let localPart = `${spec.localPart}@${spec.domain}`;
      for (let i = spec.end; i < end - 2; i++) localPart += tokens.textAt(i);
      const domain = tokens.textAt(end - 1);
      specs.push({ localPart, domain, address: `${quoteLocalPart(localPart)}@${domain}`, start, end });
    } else specs.push(spec);
  }
  return specs;
}

/** The mailboxes that quoted strings hold. */
function quotedAddresses({ tokens, options }: AddressReader, from: number, to: number): Mailbox[] {
  const found: Mailbox[] = [];
  for (let i = from; i < to; i++) {
    if (tokens.kinds[i] !== QUOTE) continue;
    const text = tokens.textAt(i);
    if (!text.includes('@')) continue;
    for (const one of new AddressReader(text, { decode: options.decode }).addresses)
      found.push(...('members' in one ? one.members : [one]));
  }
  return found;
}

/** True when an angle bracket comes before the next comma. */
function belongsToName({ kinds }: AddressTokens, colon: number): boolean {
  let next = colon + 1;
  while (next < kinds.length && kinds[next] !== LESS && kinds[next] !== COMMA) next += 1;
  return kinds[next] === LESS;
}
