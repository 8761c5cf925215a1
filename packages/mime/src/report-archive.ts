import { Gunzip, Unzip, UnzipInflate } from 'fflate';
import { checkOctets, checkOptions, group, integer, type OptionTable, wrongArgument } from './argument.ts';
import { MimeError } from './errors.ts';
import type { ParsedMessage, ParsedPart } from './parsed-message.ts';
import { concatOctets } from './utf8.ts';

/** Limits for reading a report. */
export interface ReportLimits {
  /** Maximum octets after decompression, of all levels and all files of an archive together; default 67,108,864. */
  readonly maxBytes?: number | undefined;
}

/** Options for reading a report. */
export interface ReportOptions {
  /** Limits that differ from their defaults. */
  readonly limits?: ReportLimits | undefined;
}

/** The checks of {@link ReportOptions}. */
export const reportOptions = {
  limits: /* @__PURE__ */ group<ReportLimits>({ maxBytes: /* @__PURE__ */ integer(1) }),
} satisfies OptionTable<ReportOptions>;

const DEFAULT_MAX_BYTES = 67_108_864;
/** Maximum levels of compression, such as gzip in zip. */
const MAX_LEVELS = 3;
/** Maximum files in a zip; a zip with more is refused. */
const MAX_FILES = 100;
/** Compressed octets that are inflated at once. Deflate expands at most 1,032 times, so the output is below 5 MiB. */
const STEP = 4096;

/** The error for a report that cannot be read. */
export function malformedReport(message: string, cause?: unknown): MimeError {
  return new MimeError('MB_MIME_REPORT_SYNTAX', message, { cause, kind: 'peer-misbehaved' });
}

/**
 * Decompresses gzip and zip, which are recognized by their first octets, not by a content type.
 *
 * @param isReport  Tests whether decompressed octets are the wanted report.
 * @returns The octets of the report; `content` itself if it is not compressed.
 * @throws {MimeError} MB_MIME_REPORT_SIZE beyond the limit, MB_MIME_REPORT_SYNTAX for a damaged archive or one without
 *   a report.
 */
export function unpackReport(
  content: Uint8Array,
  options: ReportOptions,
  isReport: (octets: Uint8Array) => boolean,
): Uint8Array {
  checkOctets(content, 'content');
  checkOptions(options, reportOptions, 'options');
  const maxBytes = options.limits?.maxBytes ?? DEFAULT_MAX_BYTES;
  let left = maxBytes;
  const take = (length: number) => {
    left -= length;
    if (left >= 0) return;
    throw new MimeError('MB_MIME_REPORT_SIZE', `A report has over ${maxBytes} octets.`, {
      kind: 'peer-misbehaved',
    });
  };
  let files = [content];
  for (let level = 0; level < MAX_LEVELS; level++) {
    const found = files.find(isReport);
    if (found !== undefined) {
      if (level === 0) take(found.length);
      return found;
    }
    files = files.flatMap((file) => {
      if (file[0] === 0x1f && file[1] === 0x8b) return [inflating(() => gunzip(file, take))];
      return file[0] === 0x50 && file[1] === 0x4b ? inflating(() => unzip(file, take)) : [];
    });
  }
  const found = files.find(isReport);
  if (found === undefined) throw malformedReport('There is no report in these octets.');
  return found;
}

/** Converts errors of the library to MB_MIME_REPORT_SYNTAX. */
function inflating<T>(inflate: () => T): T {
  try {
    return inflate();
  } catch (error) {
    if (MimeError.isInstance(error)) throw error;
    throw malformedReport('The compressed report is damaged; see cause.', error);
  }
}

function gunzip(octets: Uint8Array, take: (length: number) => void): Uint8Array {
  const chunks: Uint8Array[] = [];
  let sum = new Checksum();
  let ended = false;
  const stream = new Gunzip((chunk, final) => {
    take(chunk.length);
    chunks.push(chunk);
    sum.add(chunk);
    ended = final;
  });
  // RFC 1952 §2.2: members follow each other; §2.3.1: checksum and length are the last eight octets of each.
  const endMember = (end: number) => {
    if (!sum.isTrailerOf(octets, end)) throw damagedReport();
    sum = new Checksum();
  };
  stream.onmember = endMember;
  pushAll(stream, octets);
  if (!ended) throw malformedReport('The compressed report is cut off.');
  endMember(octets.length);
  return concatOctets(chunks);
}

function unzip(octets: Uint8Array, take: (length: number) => void): Uint8Array[] {
  const sums = zipChecksums(octets);
  const files: Uint8Array[][] = [];
  const stream = new Unzip((file) => {
    if (files.length >= MAX_FILES) throw malformedReport(`A zip has over ${MAX_FILES} files.`);
    const chunks: Uint8Array[] = [];
    const sum = new Checksum();
    files.push(chunks);
    file.ondata = (error, chunk, final) => {
      if (error) throw error;
      take(chunk.length);
      chunks.push(chunk);
      sum.add(chunk);
      if (final && sums !== undefined && !sums.has(sum.value)) throw damagedReport();
    };
    file.start();
  });
  stream.register(UnzipInflate);
  pushAll(stream, octets);
  return files.map(concatOctets);
}

/** Returns the checksums in the central directory of a zip (APPNOTE 4.3.12); undefined if there are none. */
function zipChecksums(octets: Uint8Array): ReadonlySet<number> | undefined {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  let end = octets.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) return undefined;
  const sums = new Set<number>();
  let at = view.getUint32(end + 16, true);
  while (at + 46 <= end && view.getUint32(at, true) === 0x02014b50) {
    sums.add(view.getUint32(at + 16, true));
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return sums.size > 0 ? sums : undefined;
}

const CRC_TABLE = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, octet) => {
  let value = octet;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 and length of inflated octets (RFC 1952 §8). */
class Checksum {
  #crc = 0xffffffff;
  #length = 0;

  add(octets: Uint8Array): void {
    let crc = this.#crc;
    for (const octet of octets) crc = CRC_TABLE[(crc ^ octet) & 255]! ^ (crc >>> 8);
    this.#crc = crc;
    this.#length += octets.length;
  }

  get value(): number {
    return (this.#crc ^ 0xffffffff) >>> 0;
  }

  /** Whether the eight octets before `end` are this checksum and length. */
  isTrailerOf(octets: Uint8Array, end: number): boolean {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    return (
      end >= 8 &&
      view.getUint32(end - 8, true) === this.value &&
      view.getUint32(end - 4, true) === this.#length >>> 0
    );
  }
}

function damagedReport(): MimeError {
  return malformedReport('The compressed report is damaged: its checksum is another.');
}

function pushAll(stream: { push(chunk: Uint8Array, final: boolean): void }, octets: Uint8Array): void {
  for (let at = 0; at < octets.length; at += STEP)
    stream.push(octets.subarray(at, at + STEP), at + STEP >= octets.length);
}

/** QUIRK(many reporters): a report is sent as application/octet-stream or with the type of another compression. */
const REPORT_TYPE =
  /^(?:application\/(?:(?:x-)?gzip(?:-compressed)?|(?:x-)?zip(?:-compressed)?|octet-stream|xml|json|tlsrpt\+(?:json|gzip))|text\/(?:xml|json))$/;

/** Returns the parts that may contain a report, by media type or by file name extension. */
function reportParts(message: ParsedMessage): ParsedPart[] {
  const found: ParsedPart[] = [];
  const visit = (part: ParsedPart) => {
    for (const child of part.parts) visit(child);
    if (part.parts.length > 0 || part.content.length === 0) return;
    if (REPORT_TYPE.test(part.contentType) || /\.(?:xml|json|gz|zip)$/i.test(part.filename ?? ''))
      found.push(part);
  };
  visit(message.root);
  return found;
}

/** Parses the first part that contains a report; other parts are skipped. */
export function findReport<T>(
  message: ParsedMessage,
  options: ReportOptions,
  parse: (content: Uint8Array, options: ReportOptions) => T,
): T | undefined {
  checkOptions(options, reportOptions, 'options');
  if (!Array.isArray(message?.root?.parts)) throw wrongArgument('message', 'a parsed message');
  for (const { content } of reportParts(message)) {
    try {
      return parse(content, options);
    } catch (error) {
      if (!MimeError.isInstance(error) || error.code !== 'MB_MIME_REPORT_SYNTAX') throw error;
    }
  }
  return undefined;
}
