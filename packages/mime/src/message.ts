import type { AddressForm, AddressInput, MailboxInput } from './address.ts';
import {
  any,
  checkOptions,
  checkText,
  flag,
  group,
  integer,
  list,
  type OptionTable,
  object,
  texts,
  word,
} from './argument.ts';
import type { ContentInput } from './content.ts';
import type { FormattedReport } from './report.ts';

/** A message to be composed. */
export interface Message {
  /** The author; several authors need a `sender` (RFC 5322 §3.6.2). Required. */
  readonly from: MailboxInput | readonly MailboxInput[];
  /** Recipients; each string is one mailbox. A list in one string goes through `parseAddressList` first. */
  readonly to?: AddressInput | readonly AddressInput[] | undefined;
  readonly cc?: AddressInput | readonly AddressInput[] | undefined;
  /** In the envelope only, never in the octets. */
  readonly bcc?: AddressInput | readonly AddressInput[] | undefined;
  readonly replyTo?: AddressInput | readonly AddressInput[] | undefined;
  readonly sender?: MailboxInput | undefined;
  readonly subject?: string | undefined;
  /** Plain text body. */
  readonly text?: string | undefined;
  /** HTML body. */
  readonly html?: string | undefined;
  /** More forms of the same content, for example AMP or a calendar invitation. */
  readonly alternatives?: readonly Alternative[] | undefined;
  readonly attachments?: readonly Attachment[] | undefined;
  /**
   * The whole content as a part that is ready, in place of all fields above from `text` on: what was signed or
   * encrypted already (RFC 1847, RFC 3156, RFC 8551). Content-* fields, perhaps MIME-Version, an empty line and the
   * body, with CRLF line ends; it goes out without a changed octet, or is refused.
   */
  readonly part?: Uint8Array | undefined;
  /** Makes the message a multipart/report (RFC 6522): its text, then the report; takes no attachments. */
  readonly report?: ReportInput | undefined;
  /** Further header fields in order: an object, or pairs where order or repetition matters. */
  readonly headers?: HeaderInput | undefined;
  /** Default: a unique one with the domain of the author. */
  readonly messageId?: string | undefined;
  /** Identifiers of the messages that this one answers, as they were received; one in UTF-8 needs SMTPUTF8. */
  readonly inReplyTo?: string | readonly string[] | undefined;
  readonly references?: string | readonly string[] | undefined;
  /** A Date or milliseconds since 1970; default now. */
  readonly date?: Date | number | undefined;
  /** Fields of a mailing list (RFC 2369, RFC 2919, RFC 8058). */
  readonly list?: ListFields | undefined;
  /** RFC 3834 §5: marks replies and notices as automatic, so that autoresponders stay silent. */
  readonly autoSubmitted?: 'no' | 'auto-generated' | 'auto-replied' | 'auto-notified' | undefined;
  readonly precedence?: 'bulk' | 'list' | 'junk' | undefined;
  readonly priority?: 'high' | 'normal' | 'low' | undefined;
  /** `campaign:customer:type:sender`, for the feedback loops of receivers. */
  readonly feedbackId?: string | undefined;
  /**
   * Which addresses are accepted: `strict`, the default, those that the standard allows; `as-received` also those that
   * exist in spite of it, see {@link AddressForm}. A {@link Mailbox} of a parsed message is always accepted as received.
   */
  readonly addresses?: AddressForm | undefined;
  /** The envelope where it differs from the header: `from: ''` is the null sender of notices (RFC 5321 §4.5.5). */
  readonly envelope?: { readonly from?: string | undefined; readonly to?: readonly string[] } | undefined;
}

/** A report that a message carries. */
export interface ReportInput {
  /** The machine-readable part, as `formatReport` writes it. */
  readonly record: FormattedReport;
  /** The message reported on: all of it, or only its header. */
  readonly original?: { readonly message: Uint8Array } | { readonly headers: Uint8Array } | undefined;
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
  readonly filename?: string | undefined;
  /** A string is text (written as UTF-8, never guessed to be base64); octets and streams go out exactly. */
  readonly content: ContentInput;
  /** Default: by the ending of `filename`, else `application/octet-stream`. */
  readonly contentType?: string | undefined;
  /** For `cid:` links from the HTML, without angle brackets. */
  readonly contentId?: string | undefined;
  /** Default: `inline` with a `contentId`, else `attachment`. */
  readonly disposition?: 'attachment' | 'inline' | undefined;
  /** Octets that a stream will give; the composition fails when it gives another number. */
  readonly size?: number | undefined;
  /** Further fields of the part. */
  readonly headers?: HeaderInput | undefined;
}

/** Another message, attached as message/rfc822 (RFC 2046 §5.2.1). */
export interface MessageAttachment {
  readonly message: Message;
  readonly filename?: string | undefined;
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
  readonly id?: string | { readonly name?: string | undefined; readonly id: string };
  /** https and mailto URIs, best first. */
  readonly unsubscribe?: string | readonly string[] | undefined;
  /** Adds `List-Unsubscribe-Post: List-Unsubscribe=One-Click` (RFC 8058); needs an https URI. */
  readonly oneClick?: boolean | undefined;
  readonly help?: string | undefined;
  readonly subscribe?: string | undefined;
  /** A mailto URI, or `NO` where posting is not allowed. */
  readonly post?: string | undefined;
  readonly owner?: string | undefined;
  readonly archive?: string | undefined;
}

/** What {@link ListFields} accept. */
export const listFields = {
  id: any,
  unsubscribe: texts,
  oneClick: flag,
  help: checkText,
  subscribe: checkText,
  post: checkText,
  owner: checkText,
  archive: checkText,
} satisfies OptionTable<ListFields>;

/** Header fields: an object, or pairs. */
function headerInput(value: unknown, where: string, key?: string): void {
  if (!Array.isArray(value)) object(value, where, key);
}

/** What a {@link Message} accepts; addresses and texts are checked where they are written. */
export const messageFields = {
  from: any,
  to: any,
  cc: any,
  bcc: any,
  replyTo: any,
  sender: any,
  subject: any,
  text: any,
  html: any,
  part: any,
  messageId: any,
  date: any,
  feedbackId: any,
  alternatives: /* @__PURE__ */ list(
    /* @__PURE__ */ group<Alternative>({ contentType: checkText, content: any }),
  ),
  attachments: /* @__PURE__ */ list(
    /* @__PURE__ */ group<Attachment>({
      filename: checkText,
      content: any,
      contentType: checkText,
      contentId: any,
      disposition: /* @__PURE__ */ word('attachment', 'inline'),
      size: /* @__PURE__ */ integer(0),
      headers: headerInput,
      message: any,
      part: any,
    }),
  ),
  report: /* @__PURE__ */ group<ReportInput>({
    record: object,
    original: /* @__PURE__ */ group({ message: any, headers: any }),
  }),
  headers: headerInput,
  inReplyTo: texts,
  references: texts,
  list: /* @__PURE__ */ group<ListFields>(listFields),
  autoSubmitted: /* @__PURE__ */ word('no', 'auto-generated', 'auto-replied', 'auto-notified'),
  precedence: /* @__PURE__ */ word('bulk', 'list', 'junk'),
  priority: /* @__PURE__ */ word('high', 'normal', 'low'),
  addresses: /* @__PURE__ */ word('strict', 'as-received'),
  envelope: /* @__PURE__ */ group({ from: any, to: /* @__PURE__ */ list(any) }),
} satisfies OptionTable<Message>;

/** What composing changed in a message. */
export interface ComposeWarning {
  /** `filename-changed`: `/`, `\` and tabs of a file name, which readers would take for a path, became `_`. */
  readonly code: 'filename-changed';
  /** Which attachment: `attachments[0]`, or `attachments[1].message.attachments[0]` in an attached message. */
  readonly path: string;
}

/** Characters that a title such as "Q1/Q2 report.pdf" may have and a file name may not. */
export const SEPARATORS = /[/\\\t]/g;

const MESSAGE = 'composeMessage: message';

/**
 * Checks the fields of a message, and warns of file names that will change.
 *
 * @param prefix  Where the message is in the outermost one: `attachments[0].message.`, or nothing.
 */
export function checkMessage(
  message: Message,
  warn: (warning: ComposeWarning) => void,
  prefix: string,
): void {
  // Made only where it differs: it is called for each message.
  const path = prefix === '' ? '' : `.${prefix.slice(0, -1)}`;
  checkOptions(message, messageFields, path === '' ? MESSAGE : MESSAGE + path);
  if (message.attachments === undefined) return;
  for (const [index, attachment] of message.attachments.entries()) {
    if ('filename' in attachment && attachment.filename?.match(SEPARATORS))
      warn({ code: 'filename-changed', path: `${prefix}attachments[${index}]` });
  }
}
