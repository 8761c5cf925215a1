import type { Readable } from 'node:stream';

/**
 * A message as documented by nodemailer. Declared here, so that this package compiles without nodemailer.
 */
export interface NodemailerMessage {
  readonly from?: AddressOption | undefined;
  readonly sender?: AddressOption | undefined;
  readonly to?: AddressOption | undefined;
  readonly cc?: AddressOption | undefined;
  readonly bcc?: AddressOption | undefined;
  readonly replyTo?: AddressOption | undefined;
  readonly inReplyTo?: string | undefined;
  /** A list, or identifiers separated by spaces. */
  readonly references?: string | readonly string[] | undefined;
  readonly subject?: string | undefined;
  readonly text?: BodyOption | undefined;
  readonly html?: BodyOption | undefined;
  /** HTML for watches, as `text/watch-html`. */
  readonly watchHtml?: BodyOption | undefined;
  /** AMP, as `text/x-amp-html`. */
  readonly amp?: BodyOption | undefined;
  readonly icalEvent?: BodyOption | CalendarOption | undefined;
  readonly alternatives?: readonly PartOption[] | undefined;
  readonly attachments?: readonly AttachmentOption[] | undefined;
  readonly headers?: HeadersOption | undefined;
  readonly list?: Readonly<Record<string, ListOption>> | undefined;
  readonly messageId?: string | undefined;
  readonly date?: Date | string | undefined;
  readonly priority?: string | undefined;
  readonly xMailer?: string | false | undefined;
  readonly otp?: { readonly code: string; readonly origin: string } | undefined;
  /** A complete message, which replaces everything except `envelope`. */
  readonly raw?: BodyOption | undefined;
  readonly envelope?: EnvelopeOption | undefined;
  readonly attachDataUrls?: boolean | undefined;
  readonly disableFileAccess?: boolean | undefined;
  readonly disableUrlAccess?: boolean | undefined;
  readonly maxRecipients?: number | undefined;
  readonly [option: string]: unknown;
}

/** Addresses: a comma-separated string, an object, or an array of both. */
export type AddressOption =
  | string
  | { readonly name?: string | undefined; readonly address: string }
  | readonly AddressOption[];

/** Text: a string, octets, a stream, or an object that names its source. */
export type BodyOption = string | Uint8Array | Readable | ContentOption;

/** The source of content. */
export interface ContentOption {
  readonly content?: string | Uint8Array | Readable | undefined;
  /** A file, or a `data:` or http(s) URL. */
  readonly path?: string | { readonly path?: string } | undefined;
  readonly href?: string | undefined;
  readonly httpHeaders?: Readonly<Record<string, string>> | undefined;
  /** The encoding of a string in `content`, such as `base64` or `hex`; default UTF-8. */
  readonly encoding?: string | undefined;
}

/** A part of a message. */
export interface PartOption extends ContentOption {
  readonly contentType?: string | undefined;
  readonly filename?: string | false | undefined;
  readonly headers?: HeadersOption | undefined;
  readonly contentTransferEncoding?: string | false | undefined;
  /** A complete MIME part: header, empty line, body. */
  readonly raw?: BodyOption | undefined;
}

/** An attachment. */
export interface AttachmentOption extends PartOption {
  readonly cid?: string | undefined;
  readonly contentDisposition?: 'attachment' | 'inline' | undefined;
}

/** A calendar invitation. */
export interface CalendarOption extends ContentOption {
  readonly method?: string | undefined;
  readonly filename?: string | false | undefined;
}

/** One value of a header field. */
export type HeaderOption =
  | string
  | number
  | boolean
  | Date
  | { readonly value: string; readonly prepared?: boolean };

/** Header fields: an object, or a list of `{ key, value }`. */
export type HeadersOption =
  | Readonly<Record<string, HeaderOption | readonly HeaderOption[] | null | undefined>>
  | readonly { readonly key: string; readonly value: HeaderOption }[];

/**
 * A list header: a URL, optionally with a comment, or several fields; a list in a list is one field with several URLs.
 */
export type ListOption =
  | string
  | { readonly url: string; readonly comment?: string | undefined }
  | readonly ListOption[];

/** The envelope, if it differs from the header. */
export interface EnvelopeOption {
  readonly from?: AddressOption | false | undefined;
  readonly to?: AddressOption | undefined;
  readonly cc?: AddressOption | undefined;
  readonly bcc?: AddressOption | undefined;
  readonly [option: string]: unknown;
}
