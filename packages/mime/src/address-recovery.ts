import { type Group, invalidAddress, type Mailbox, quoteLocalPart } from './address.ts';
import { nameDecoder } from './address-names.ts';
import { AddressReader, type AddrSpec, named, type Recovery, withoutLastDots } from './address-reader.ts';

/**
 * Parses a received list of addresses leniently, in time proportional to its length.
 *
 * Each entry between two commas gives the most likely mailbox: the address in the last angle brackets, with all text
 * before them as its name. Entries without an address are skipped. Encoded-words in names are decoded. Use `readAuthor`
 * for the author of a message.
 *
 * @param text  The unfolded value of a To, Cc or other address field.
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX if `text` is not a string.
 * @example readAddressList('[EXT] Ann <ann@example.com>') // one mailbox, named '[EXT] Ann'
 */
export function readAddressList(text: string): (Mailbox | Group)[] {
  if (typeof text !== 'string') throw invalidAddress(text);
  return readReceived(text).addresses;
}

/** As {@link readAddressList}; the result also tells the faults. */
export function readReceived(text: string, decode?: (text: string) => string): AddressReader {
  return new AddressReader(text, { names: nameDecoder(decode), recovery });
}

/** Words in an addr-spec are joined by dots only (RFC 5322 §3.4.1), with optional white space and comments (§4.4). */
const ADDR_SPEC = /([wqWQ][WQ]*)(?:@(?:[wW]W*|d))?/g;

/**
 * Parses damaged lists.
 *
 * The address is in the last angle brackets that hold one, and the name is all text before them. Without angle
 * brackets, each `local@domain` is an address. Sets `ambiguous` where another reader could see another address.
 */
const recovery: Recovery = (reader, { from, to, comment }) => {
  const { kinds, text, starts } = reader.tokens;
  let open = to; // of the last angle brackets with an address
  let close = to;
  let specs: AddrSpec[] = [];
  while (specs.length === 0 && open-- > from) {
    if (kinds[open] === '<') specs = routable(reader, open + 1, close);
    if (specs.length === 0 && /[<>]/.test(kinds[open]!)) close = open;
  }
  const quoted = quotedAddresses(reader, from, to);
  if (specs.length === 0) specs = routable(reader, from, to);
  else {
    const { address } = specs.at(-1)!;
    // A mail domain has a dot: `Ann @ Acme` is a name.
    const isRival = (rival: AddrSpec) =>
      /[.[]/.test(rival.domain) && rival.address.toLowerCase() !== address.toLowerCase();
    reader.ambiguous ||= [...routable(reader, from, open), ...routable(reader, close, to)].some(isRival);
  }
  // With an unpaired quote, text that seems to be inside quotes may be outside.
  for (let i = from; i < to; i++)
    reader.ambiguous ||= quoted.length > 0 && kinds[i] === '?' && text[starts[i]!] === '"';
  const [first] = specs;
  if (first === undefined) {
    // The whole mailbox is quoted: `"Ann <ann@example.com>"`.
    const all = /^[qQ<>]*$/.test(kinds.slice(from, to));
    reader.ambiguous ||= all && quoted.length > 0;
    return all ? quoted : [];
  }
  const angle = open >= from;
  let front = angle ? open : first.start;
  while (front > from && kinds[front - 1] === '<') front -= 1;
  let back = angle ? close : specs.at(-1)!.end;
  while (back < to && kinds[back] === '>') back += 1;
  const name = front > from ? reader.phrase(from, front) : reader.phrase(back, to);
  return specs.map((spec) => named(spec === first ? name || reader.decode(comment) : '', spec));
};

/** Finds the addr-specs among tokens. `a@b@example.com` is one: hosts that accept it route by the last @. */
function routable(reader: AddressReader, from: number, to: number): AddrSpec[] {
  const { kinds } = reader.tokens;
  const specs: AddrSpec[] = [];
  for (const { 0: all, 1: local = '', index } of kinds.slice(from, to).matchAll(ADDR_SPEC)) {
    const start = from + index;
    if (all === local || start < (specs.at(-1)?.end ?? 0)) continue;
    const spec = reader.addrSpec(start, start + local.length, start + all.length);
    let { end } = spec;
    while (end + 1 < to && /^@w/i.test(kinds.slice(end, end + 2))) end += 2;
    if (end > spec.end) {
      reader.ambiguous = true;
      const localPart = reader.join(start, end - 2);
      const domain = withoutLastDots(reader.textAt(end - 1));
      specs.push({ localPart, domain, address: `${quoteLocalPart(localPart)}@${domain}`, start, end });
    } else specs.push(spec);
  }
  return specs;
}

/** Finds mailboxes inside quoted strings. */
function quotedAddresses(reader: AddressReader, from: number, to: number): Mailbox[] {
  const found: Mailbox[] = [];
  for (let i = from; i < to; i++) {
    const text = /q/i.test(reader.tokens.kinds[i]!) ? reader.textAt(i) : '';
    if (!text.includes('@')) continue;
    for (const one of new AddressReader(text, { names: reader.options.names }).addresses)
      found.push(...('members' in one ? one.members : [one]));
  }
  return found;
}
