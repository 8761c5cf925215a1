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
  /** The author, required. Several authors need a `sender` (RFC 5322 §3.6.2). */
  readonly from: MailboxInput | readonly MailboxInput[];
  /** Recipients; each string is one address. Use `parseAddressList` for a list in one string. */
  readonly to?: AddressInput | readonly AddressInput[] | undefined;
  readonly cc?: AddressInput | readonly AddressInput[] | undefined;
  /** Recipients in the envelope only; never written to the message. */
  readonly bcc?: AddressInput | readonly AddressInput[] | undefined;
  readonly replyTo?: AddressInput | readonly AddressInput[] | undefined;
  readonly sender?: MailboxInput | undefined;
  readonly subject?: string | undefined;
  /** Plain text body. */
  readonly text?: string | undefined;
  /** HTML body. */
  readonly html?: string | undefined;
  /** Other forms of the same content, for example AMP or a calendar invitation. */
  readonly alternatives?: readonly Alternative[] | undefined;
  readonly attachments?: readonly Attachment[] | undefined;
  /**
   * The whole content as a complete part, for example signed or encrypted (RFC 1847, RFC 3156, RFC 8551); excludes
   * `text`, `html`, `alternatives` and `attachments`. It consists of Content-* fields, optionally MIME-Version, an
   * empty line and the body, with CRLF line ends. It is written unchanged, or refused.
   */
  readonly part?: Uint8Array | undefined;
  /** Makes the message a multipart/report of its text and this report (RFC 6522); excludes `attachments`. */
  readonly report?: ReportInput | undefined;
  /** Custom header fields: an object, or pairs if order or repetition matters. */
  readonly headers?: HeaderInput | undefined;
  /** Default: a unique one with the domain of `sender`, else of `from`. */
  readonly messageId?: string | undefined;
  /** Identifiers of the messages that this one replies to, as received; a non-ASCII one needs SMTPUTF8. */
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
  /** `campaign:customer:type:sender`, for the feedback loops of mailbox providers. */
  readonly feedbackId?: string | undefined;
  /**
   * Which addresses are accepted, see {@link AddressForm}; default `strict`. A {@link Mailbox} of a parsed message is
   * always accepted as received.
   */
  readonly addresses?: AddressForm | undefined;
  /** Overrides the envelope taken from the header. `from: ''` is the null reverse-path (RFC 5321 §4.5.5). */
  readonly envelope?: { readonly from?: string | undefined; readonly to?: readonly string[] } | undefined;
}

/** A report that is sent in a message. */
export interface ReportInput {
  /** The machine-readable part, as created by `formatReport`. */
  readonly record: FormattedReport;
  /** The reported message: complete, or only its header. */
  readonly original?: { readonly message: Uint8Array } | { readonly headers: Uint8Array } | undefined;
}

/** Another form of the content. They follow the HTML in their order, plainest first; AMP is written before the HTML. */
export interface Alternative {
  /** For example `text/calendar; method=REQUEST`. */
  readonly contentType: string;
  readonly content: string | Uint8Array;
}

/** A part beside the body: content, another message, or a complete part. */
export type Attachment = ContentAttachment | MessageAttachment | ReadyPart;

/** An attachment with content. */
export interface ContentAttachment {
  /** A name, not a path: `/`, `\` and tabs become `_`, with a warning; other control characters are refused. */
  readonly filename?: string | undefined;
  /** A string is text and written as UTF-8, even if it looks like base64; octets and streams are sent unchanged. */
  readonly content: ContentInput;
  /** Default: derived from the extension of `filename`, else `application/octet-stream`. */
  readonly contentType?: string | undefined;
  /** For `cid:` links in the HTML, without angle brackets. */
  readonly contentId?: string | undefined;
  /** Default: `inline` with a `contentId`, else `attachment`. */
  readonly disposition?: 'attachment' | 'inline' | undefined;
  /** Length in octets, if known; content of another length causes the error MB_MIME_CONTENT_LENGTH. */
  readonly size?: number | undefined;
  /** Custom header fields of the part. */
  readonly headers?: HeaderInput | undefined;
}

/** Another message, attached as message/rfc822 (RFC 2046 §5.2.1). */
export interface MessageAttachment {
  readonly message: Message;
  readonly filename?: string | undefined;
}

/** A complete MIME part: header, empty line and body in one array. */
export interface ReadyPart {
  readonly part: Uint8Array;
}

/**
 * Header fields: an object, with an array of values for a repeated field, or pairs in order. A value is text, which is
 * encoded if needed; the value of an address field such as Resent-To or Disposition-Notification-To is a list of
 * addresses.
 */
export type HeaderInput =
  | { readonly [name: string]: string | readonly string[] }
  | readonly (readonly [name: string, value: string])[];

/** Header fields of a mailing list (RFC 2369, RFC 2919, RFC 8058). */
export interface ListFields {
  /** The list's identifier, for example `news.example.com` (RFC 2919). */
  readonly id?: string | { readonly name?: string | undefined; readonly id: string };
  /** https and mailto URIs, preferred one first. */
  readonly unsubscribe?: string | readonly string[] | undefined;
  /** Adds `List-Unsubscribe-Post: List-Unsubscribe=One-Click` (RFC 8058); needs an https URI. */
  readonly oneClick?: boolean | undefined;
  readonly help?: string | undefined;
  readonly subscribe?: string | undefined;
  /** An https or mailto URI, or `NO` if posting is not allowed (RFC 2369 §3.4). */
  readonly post?: string | undefined;
  readonly owner?: string | undefined;
  readonly archive?: string | undefined;
}

/** The checks of {@link ListFields}. */
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

/** Accepts an object or an array. */
function headerInput(value: unknown, where: string, key?: string): void {
  if (!Array.isArray(value)) object(value, where, key);
}

/** The checks of a {@link Message}; addresses and texts are checked when they are written. */
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

/** A change that was needed to compose a message. */
export interface ComposeWarning {
  /** `filename-changed`: `/`, `\` and tabs in a file name became `_`, since readers may take it for a path. */
  readonly code: 'filename-changed';
  /** The attachment: `attachments[0]`, or `attachments[1].message.attachments[0]` in an attached message. */
  readonly path: string;
}

/** Characters that occur in titles such as "Q1/Q2 report.pdf" but are not allowed in a file name. */
export const SEPARATORS = /[/\\\t]/g;

const MESSAGE = 'composeMessage: message';

/**
 * Checks the fields of a message, and warns of file names that will be changed.
 *
 * @param prefix  The path of the message in the outermost one, such as `attachments[0].message.`; empty for that one.
 */
export function checkMessage(
  message: Message,
  warn: (warning: ComposeWarning) => void,
  prefix: string,
): void {
  // Built for attached messages only, since this runs for each message.
  const path = prefix === '' ? '' : `.${prefix.slice(0, -1)}`;
  checkOptions(message, messageFields, path === '' ? MESSAGE : MESSAGE + path);
  if (message.attachments === undefined) return;
  for (const [index, attachment] of message.attachments.entries()) {
    if ('filename' in attachment && attachment.filename?.match(SEPARATORS))
      warn({ code: 'filename-changed', path: `${prefix}attachments[${index}]` });
  }
}
