import { isAscii, isUtf8 } from 'node:buffer';
import {
  encodeBase64Octets,
  encodeQuotedPrintableOctets,
  type HeaderBlock,
  type ParsedPart,
  parseMessage,
  rawPart,
} from '@mb/mime';

/**
 * Puts a message into seven bits, for hosts without 8BITMIME (RFC 6152 §3): parts in 8bit become quoted-printable or
 * base64, all other octets stay. A message that a report returns becomes its header (RFC 3461 §4.3).
 *
 * @returns undefined when that would break what is in it: a signature (DKIM, ARC, multipart/signed), header fields in
 *   UTF-8, or a message/* part that may not be encoded.
 */
export async function toSevenBit(octets: Uint8Array): Promise<Uint8Array | undefined> {
  const { root } = await parseMessage(octets);
  return isSealed(root.headers) ? undefined : convertPart(root, octets, true);
}

/** Signatures that cover the body. */
const seals = ['dkim-signature', 'domainkey-signature', 'arc-message-signature', 'arc-seal'];

/** Whether a message carries a signature over its body as it is encoded: DKIM, ARC, or a multipart/signed as a whole. */
export function isSealed(headers: HeaderBlock): boolean {
  if (seals.some((name) => headers.get(name) !== undefined)) return true;
  return /^\s*multipart\/(?:signed|encrypted)\b/i.test(headers.get('content-type') ?? '');
}

function convertPart(part: ParsedPart, octets: Uint8Array, outermost = false): Uint8Array | undefined {
  const { octets: whole, header, body } = rawPart(octets, part);
  if (isAscii(whole)) return whole;
  // RFC 6532: such a header needs SMTPUTF8, whatever the body is encoded in.
  if (!isAscii(header)) return undefined;
  if (part.parts.length > 0) return convertMultipart(part, octets, outermost);
  if (part.message) {
    const inner = convertPart(part.message.root, part.content);
    return inner && Buffer.concat([headerOf(part, '7bit', outermost), inner]);
  }
  if (part.contentType.startsWith('message/') && !part.contentType.startsWith('message/global')) {
    return undefined; // RFC 2046 §5.2: not to be encoded
  }
  const isText = part.contentType.startsWith('text/');
  const encoded = isText ? encodeQuotedPrintableOctets(body, { mode: 'text' }) : encodeBase64Octets(body);
  const end = outermost && encoded.at(-1) !== 10 ? '\r\n' : '';
  return Buffer.concat([
    headerOf(part, isText ? 'quoted-printable' : 'base64', outermost),
    encoded,
    Buffer.from(end),
  ]);
}

function convertMultipart(part: ParsedPart, octets: Uint8Array, outermost: boolean): Uint8Array | undefined {
  if (part.contentType === 'multipart/signed' || part.contentType === 'multipart/encrypted') return undefined;
  const pieces: Uint8Array[] = [headerOf(part, '7bit', outermost)];
  let end = part.range.bodyStart;
  for (const child of part.parts) {
    const returned = part.contentType === 'multipart/report' && child.message !== undefined;
    const converted = returned ? returnedHeader(child, octets) : convertPart(child, octets);
    const before = octets.subarray(end, child.range.start);
    if (!converted || !isAscii(before)) return undefined;
    pieces.push(before, converted);
    end = child.range.end;
  }
  const rest = octets.subarray(end, part.range.end);
  return isAscii(rest) ? Buffer.concat([...pieces, rest]) : undefined;
}

/** The header of a returned message in place of all of it. */
function returnedHeader(part: ParsedPart, octets: Uint8Array): Uint8Array {
  const { octets: whole } = rawPart(octets, part);
  if (isAscii(whole) || !part.message) return whole;
  const { header } = rawPart(part.content, part.message.root);
  return Buffer.concat([
    Buffer.from('Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'),
    encodeQuotedPrintableOctets(header, { mode: 'text' }),
  ]);
}

/** The part's header with another transfer encoding, and the empty line. */
function headerOf(part: ParsedPart, encoding: string, outermost: boolean): Uint8Array {
  const fields = part.headers.fields.filter(({ name }) => name.toLowerCase() !== 'content-transfer-encoding');
  const added: string[] = [];
  if (outermost && part.headers.get('mime-version') === undefined) added.push('MIME-Version: 1.0');
  if (part.headers.get('content-type') === undefined && encoding !== '7bit') {
    // RFC 1428 §3: text whose charset is not named.
    const charset = isUtf8(part.content) ? 'utf-8' : 'unknown-8bit';
    added.push(`Content-Type: text/plain; charset=${charset}`);
  }
  added.push(`Content-Transfer-Encoding: ${encoding}`);
  return Buffer.concat([...fields.map(({ raw }) => raw), Buffer.from(`${added.join('\r\n')}\r\n\r\n`)]);
}
