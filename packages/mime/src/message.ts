import type { AddressForm, AddressInput, MailboxInput } from './address.ts';
import type { ContentInput } from './content.ts';
import { refuseUnknownKeys, wordSet } from './errors.ts';
import type { FormattedReport } from './report-format.ts';

/** A message to be composed. */
export interface Message {
  /** The author; several authors need a `sender` (RFC 5322 §3.6.2). Required. */
  readonly from: MailboxInput | readonly MailboxInput[];
  /** Recipients; each string is one mailbox. A list in one string goes through `parseAddressList` first. */
  readonly to?: AddressInput | readonly AddressInput[];
  readonly cc?: AddressInput | readonly AddressInput[];
  /** In the envelope only, never in the octets. */
  readonly bcc?: AddressInput | readonly AddressInput[];
  readonly replyTo?: AddressInput | readonly AddressInput[];
  readonly sender?: MailboxInput;
  readonly subject?: string;
  /** Plain text body. */
  readonly text?: string;
  /** HTML body. */
  readonly html?: string;
  /** More forms of the same content, for example AMP or a calendar invitation. */
  readonly alternatives?: readonly Alternative[];
  readonly attachments?: readonly Attachment[];
  /**
   * The whole content as a part that is ready, in place of all fields above from `text` on: what was signed or
   * encrypted already (RFC 1847, RFC 3156, RFC 8551). Content-* fields, perhaps MIME-Version, an empty line and the
   * body, with CRLF line ends; it goes out without a changed octet, or is refused.
   */
  readonly part?: Uint8Array;
  /** Makes the message a multipart/report (RFC 6522) behind its text; takes no attachments. */
  readonly report?: ReportInput;
  /** Further header fields in order: an object, or pairs where order or repetition matters. */
  readonly headers?: HeaderInput;
  /** Default: a unique one with the domain of the author. */
  readonly messageId?: string;
  /** Identifiers of the messages that this one answers, as they were received; one in UTF-8 needs SMTPUTF8. */
  readonly inReplyTo?: string | readonly string[];
  readonly references?: string | readonly string[];
  /** A Date or milliseconds since 1970; default now. */
  readonly date?: Date | number;
  /** Fields of a mailing list (RFC 2369, RFC 2919, RFC 8058). */
  readonly list?: ListFields;
  /** RFC 3834 §5; replies and notices say so, lest other programs answer them. */
  readonly autoSubmitted?: 'no' | 'auto-generated' | 'auto-replied' | 'auto-notified';
  readonly precedence?: 'bulk' | 'list' | 'junk';
  readonly priority?: 'high' | 'normal' | 'low';
  /** `campaign:customer:type:sender`, for the feedback loops of receivers. */
  readonly feedbackId?: string;
  /**
   * Which addresses are accepted: `strict`, the default, those that the standard allows; `as-received` also those that
   * exist in spite of it, see {@link AddressForm}. A {@link Mailbox} of a parsed message is always accepted as received.
   */
  readonly addresses?: AddressForm;
  /** The envelope where it differs from the header: `from: ''` is the null sender of notices (RFC 5321 §4.5.5). */
  readonly envelope?: { readonly from?: string; readonly to?: readonly string[] };
}

/** A report that a message carries. */
export interface ReportInput {
  /** The machine-readable part, as `formatReport` writes it. */
  readonly record: FormattedReport;
  /** The message reported on: all of it, or only its header. */
  readonly original?: { readonly message: Uint8Array } | { readonly headers: Uint8Array };
}

/** Another form of the content, from plainest to richest after HTML; `text/x-amp-html` goes before it. */
export interface Alternative {
  /** For example `text/calendar; method=REQUEST`. */
  readonly contentType: string;
  readonly content: string | Uint8Array;
}

/** A part beside the body: content, another message, or a part that is ready. */
export type Attachment = ContentAttachment | MessageAttachment | ReadyPart;

/** An attachment made of content. */
export interface ContentAttachment {
  /** A name, not a path: `/`, `\` and tabs become `_`, with a warning; other control characters are refused. */
  readonly filename?: string;
  /** A string is text (written as UTF-8, never guessed to be base64); octets and streams go out exactly. */
  readonly content: ContentInput;
  /** Default: by the ending of `filename`, else `application/octet-stream`. */
  readonly contentType?: string;
  /** For `cid:` links from the HTML, without angle brackets. */
  readonly contentId?: string;
  /** Default: `inline` with a `contentId`, else `attachment`. */
  readonly disposition?: 'attachment' | 'inline';
  /** Octets that a stream will give; the composition fails when it gives another number. */
  readonly size?: number;
  /** Further fields of the part. */
  readonly headers?: HeaderInput;
}

/** Another message, attached as message/rfc822 (RFC 2046 §5.2.1). */
export interface MessageAttachment {
  readonly message: Message;
  readonly filename?: string;
}

/** A MIME part that is ready: header, empty line and body in one array. */
export interface ReadyPart {
  readonly part: Uint8Array;
}

/**
 * Header fields: an object whose values may be repeated, or pairs in order. A value is text and gets encoded; that of an
 * address field, such as Resent-To or Disposition-Notification-To, is a list of addresses.
 */
export type HeaderInput =
  | { readonly [name: string]: string | readonly string[] }
  | readonly (readonly [name: string, value: string])[];

/** Mailing list fields. */
export interface ListFields {
  /** The list's identifier, for example `news.example.com` (RFC 2919). */
  readonly id?: string | { readonly name?: string; readonly id: string };
  /** https and mailto URIs, best first. */
  readonly unsubscribe?: string | readonly string[];
  /** Adds `List-Unsubscribe-Post: List-Unsubscribe=One-Click` (RFC 8058); needs an https URI. */
  readonly oneClick?: boolean;
  readonly help?: string;
  readonly subscribe?: string;
  /** A mailto URI, or `NO` where posting is not allowed. */
  readonly post?: string;
  readonly owner?: string;
  readonly archive?: string;
}

const MESSAGE_KEYS = /* @__PURE__ */ wordSet(
  'from to cc bcc replyTo sender subject text html alternatives attachments part report headers messageId inReplyTo references date list autoSubmitted precedence priority feedbackId addresses envelope',
);
const ATTACHMENT_KEYS = /* @__PURE__ */ wordSet(
  'filename content contentType contentId disposition size headers message part',
);
const ALTERNATIVE_KEYS = /* @__PURE__ */ wordSet('contentType content');
const LIST_KEYS = /* @__PURE__ */ wordSet('id unsubscribe oneClick help subscribe post owner archive');
const REPORT_KEYS = /* @__PURE__ */ wordSet('record original');
const ENVELOPE_KEYS = /* @__PURE__ */ wordSet('from to');

/** What composing changed in a message. */
export interface ComposeWarning {
  /** `filename-changed`: `/`, `\` and tabs of a file name, which readers would take for a path, became `_`. */
  readonly code: 'filename-changed';
  /** Which attachment: `attachments[0]`, or `attachments[1].message.attachments[0]` in an attached message. */
  readonly path: string;
}

/** Characters that a title such as "Q1/Q2 report.pdf" may have and a file name may not. */
export const SEPARATORS = /[/\\\t]/g;

/** Refuses fields that do not exist, so that a typing error is no missing attachment; warns of names that will change. */
export function checkMessageKeys(
  message: Message,
  warn: (warning: ComposeWarning) => void,
  prefix: string,
): void {
  refuseUnknownKeys(message, MESSAGE_KEYS, 'A message');
  for (const [index, attachment] of (message.attachments ?? []).entries()) {
    refuseUnknownKeys(attachment, ATTACHMENT_KEYS, 'An attachment');
    if ('filename' in attachment && attachment.filename?.match(SEPARATORS))
      warn({ code: 'filename-changed', path: `${prefix}attachments[${index}]` });
  }
  for (const alternative of message.alternatives ?? [])
    refuseUnknownKeys(alternative, ALTERNATIVE_KEYS, 'An alternative');
  if (message.list) refuseUnknownKeys(message.list, LIST_KEYS, 'A list');
  if (message.report) refuseUnknownKeys(message.report, REPORT_KEYS, 'A report');
  if (message.envelope) refuseUnknownKeys(message.envelope, ENVELOPE_KEYS, 'An envelope');
}
