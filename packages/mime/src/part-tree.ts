import type { StreamSource } from './content.ts';
import { MimeError } from './errors.ts';
import { base64Length } from './transfer/base64.ts';
import { utf8Length } from './utf8.ts';

/** One part of a message that is to be written. */
export interface Part {
  /** Header fields, each with its CRLF; for a complete part, the fields before its own. */
  readonly header: string;
  readonly body: Body;
  /** Whether the part holds, or may hold, octets over 127. */
  readonly eightBit: boolean;
}

/** The body of a part: content, another message, or parts. */
export type Body = Content | { readonly message: Part } | Multipart;

/** Content of a part. */
export interface Content {
  readonly segment: Segment;
  /** Whether the content is written without a transfer encoding, so that a boundary could occur in it. */
  readonly identity: boolean;
  /** Whether the content begins with the rest of the header and the empty line. */
  readonly ready?: boolean;
}

/** Parts with a boundary between them. */
export interface Multipart {
  readonly boundary: string;
  readonly parts: readonly Part[];
}

/** A piece of the message in writing order. */
export type Segment = string | Uint8Array | { readonly base64: Uint8Array } | StreamSegment;

/** A piece that is read from a stream. */
export interface StreamSegment {
  readonly stream: StreamSource;
  readonly as: 'base64' | 'lines';
  /** Whether lines with octets over 127 are refused. */
  readonly sevenBit: boolean;
}

/** Returns the segments of a message; adjacent texts are joined. */
export function layOut(root: Part): Segment[] {
  const segments: Segment[] = [];
  layOutPart(root, segments);
  if (!endsWithLine(segments.at(-1)!)) put(segments, '\r\n');
  return segments;
}

function put(segments: Segment[], segment: Segment): void {
  const last = segments[segments.length - 1];
  if (typeof segment === 'string' && typeof last === 'string') segments[segments.length - 1] = last + segment;
  else segments.push(segment);
}

function layOutPart({ header, body }: Part, segments: Segment[]): void {
  put(segments, 'ready' in body ? header : `${header}\r\n`);
  if ('segment' in body) put(segments, body.segment);
  else if ('message' in body) layOutPart(body.message, segments);
  else {
    // RFC 2046 §5.1.1: the CRLF before a delimiter belongs to the delimiter.
    let lineBreak = '';
    for (const part of body.parts) {
      put(segments, `${lineBreak}--${body.boundary}\r\n`);
      layOutPart(part, segments);
      lineBreak = '\r\n';
    }
    put(segments, `\r\n--${body.boundary}--\r\n`);
  }
}

/** Whether the last segment of a message ends in a line break, or is empty. */
function endsWithLine(segment: Segment): boolean {
  // A string ends a header, a text or a multipart, which all end in a line break.
  if (typeof segment === 'string') return true;
  if (segment instanceof Uint8Array) return (segment.at(-1) ?? 10) === 10;
  return 'base64' in segment && segment.base64.length === 0;
}

/** Whether a segment is read from a stream. */
export function isStream(segment: Segment): segment is StreamSegment {
  return typeof segment === 'object' && 'stream' in segment;
}

/** The number of octets of a segment; undefined for a stream of unknown size. */
export function segmentLength(segment: Segment, eightBit: boolean): number | undefined {
  if (typeof segment === 'string') return eightBit ? utf8Length(segment) : segment.length;
  if (segment instanceof Uint8Array) return segment.length;
  if ('base64' in segment) return base64Length(segment.base64.length);
  const { size } = segment.stream;
  if (size === undefined) return undefined;
  return segment.as === 'base64' ? base64Length(size) : size;
}

/** Whether a boundary occurs in a header or in unencoded content of the part (RFC 2046 §5.1.1). */
export function holdsBoundary({ header, body }: Part, boundary: string): boolean {
  if (header.includes(boundary)) return true;
  if ('message' in body) return holdsBoundary(body.message, boundary);
  if ('parts' in body) return body.parts.some((part) => holdsBoundary(part, boundary));
  const { segment, identity } = body;
  if (typeof segment === 'string') return segment.includes(boundary);
  // Quoted-printable never contains `=_`, with which a boundary begins.
  return identity && segment instanceof Uint8Array && includesAscii(segment, boundary);
}

function includesAscii(octets: Uint8Array, text: string): boolean {
  const first = text.charCodeAt(0);
  for (let at = octets.indexOf(first); at >= 0; at = octets.indexOf(first, at + 1)) {
    let i = 1;
    while (i < text.length && octets[at + i] === text.charCodeAt(i)) i += 1;
    if (i === text.length) return true;
  }
  return false;
}

/** The error for content that contains each boundary tried. */
export function boundaryClash(): MimeError {
  return new MimeError('MB_MIME_BOUNDARY', 'The random source gives boundaries that the content holds.');
}
