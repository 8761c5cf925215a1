import type { StreamSource } from './content.ts';
import { MimeError } from './errors.ts';
import { base64Length } from './transfer/base64.ts';
import { utf8Length } from './utf8.ts';

/** One part of a message that is to be written: its header fields and its body. */
export interface Part {
  /** Header fields, each with its CRLF; those of a ready part come before its own. */
  readonly header: string;
  readonly body: Body;
  /** It holds, or may hold, octets over 127. */
  readonly eightBit: boolean;
}

/** How a body is written. */
export type Body =
  /** ASCII lines that go out as they are. */
  | { readonly kind: 'text'; readonly text: string }
  /** Octets that are encoded already. */
  | { readonly kind: 'octets'; readonly octets: Uint8Array; readonly identity: boolean }
  /** Octets to be written in base64. */
  | { readonly kind: 'base64'; readonly octets: Uint8Array }
  /** A stream to be written in base64. */
  | { readonly kind: 'base64-stream'; readonly source: StreamSource }
  /** A stream of lines to be written as it is. */
  | { readonly kind: 'line-stream'; readonly source: StreamSource; readonly sevenBit: boolean }
  /** Another message, written as it is. */
  | { readonly kind: 'message'; readonly part: Part }
  | { readonly kind: 'multipart'; readonly boundary: string; readonly parts: readonly Part[] }
  /** A part that is ready, with its own header. */
  | { readonly kind: 'ready'; readonly octets: Uint8Array };

/** A stretch of the message in writing order. */
export type Segment = string | Uint8Array | { readonly base64: Uint8Array } | StreamSegment;

/** A stretch that comes piece by piece. */
export interface StreamSegment {
  readonly stream: StreamSource;
  readonly as: 'base64' | 'lines';
  /** Lines may hold no octet over 127. */
  readonly sevenBit: boolean;
}

/** Lays a part out as segments; neighbouring texts become one. */
export function layOut(root: Part): Segment[] {
  const segments: Segment[] = [];
  layOutPart(root, segments);
  if (!endsWithLine(root)) put(segments, '\r\n');
  return segments;
}

function put(segments: Segment[], segment: Segment): void {
  const last = segments[segments.length - 1];
  if (typeof segment === 'string' && typeof last === 'string') segments[segments.length - 1] = last + segment;
  else segments.push(segment);
}

function layOutPart(part: Part, segments: Segment[]): void {
  const { body } = part;
  if (body.kind === 'ready') {
    put(segments, part.header);
    put(segments, body.octets);
    return;
  }
  put(segments, `${part.header}\r\n`);
  switch (body.kind) {
    case 'text':
      put(segments, body.text);
      return;
    case 'octets':
      put(segments, body.octets);
      return;
    case 'base64':
      put(segments, { base64: body.octets });
      return;
    case 'base64-stream':
      put(segments, { stream: body.source, as: 'base64', sevenBit: true });
      return;
    case 'line-stream':
      put(segments, { stream: body.source, as: 'lines', sevenBit: body.sevenBit });
      return;
    case 'message':
      layOutPart(body.part, segments);
      return;
    case 'multipart':
      // RFC 2046 §5.1.1: the CRLF before a delimiter belongs to the delimiter.
      for (const [index, child] of body.parts.entries()) {
        put(segments, `${index === 0 ? '' : '\r\n'}--${body.boundary}\r\n`);
        layOutPart(child, segments);
      }
      put(segments, `\r\n--${body.boundary}--\r\n`);
  }
}

/** A message ends in a line break; what is empty or ends in one needs none. */
function endsWithLine(part: Part): boolean {
  const { body } = part;
  switch (body.kind) {
    case 'multipart':
      return true;
    case 'message':
      return endsWithLine(body.part);
    case 'text':
      return body.text === '' || body.text.endsWith('\n');
    case 'octets':
    case 'ready':
      return body.octets.length === 0 || body.octets[body.octets.length - 1] === 10;
    case 'base64':
      return body.octets.length === 0;
    default:
      return false;
  }
}

/** True for a segment that comes piece by piece. */
export function isStream(segment: Segment): segment is StreamSegment {
  return typeof segment === 'object' && 'stream' in segment;
}

/** The number of octets of a segment of a message; undefined for a stream whose length nobody said. */
export function segmentLength(segment: Segment, eightBit: boolean): number | undefined {
  if (typeof segment === 'string') return eightBit ? utf8Length(segment) : segment.length;
  if (segment instanceof Uint8Array) return segment.length;
  if ('base64' in segment) return base64Length(segment.base64.length);
  const { size } = segment.stream;
  if (size === undefined) return undefined;
  return segment.as === 'base64' ? base64Length(size) : size;
}

/** True when a boundary occurs in what the part writes unencoded (RFC 2046 §5.1.1). */
export function holdsBoundary(part: Part, boundary: string): boolean {
  const { body } = part;
  switch (body.kind) {
    case 'text':
      return body.text.includes(boundary);
    case 'octets':
      // A boundary holds `=_`, which quoted-printable never writes.
      return body.identity && includesAscii(body.octets, boundary);
    case 'ready':
      return part.header.includes(boundary) || includesAscii(body.octets, boundary);
    case 'message':
      return part.header.includes(boundary) || holdsBoundary(body.part, boundary);
    case 'multipart':
      return part.header.includes(boundary) || body.parts.some((child) => holdsBoundary(child, boundary));
    default:
      return part.header.includes(boundary);
  }
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

/** The error for a boundary that a stream turned out to hold. */
export function boundaryClash(): MimeError {
  return new MimeError('MB_MIME_BOUNDARY', 'The random source gives boundaries that the content holds.');
}
