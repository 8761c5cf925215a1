import type { Group, Mailbox } from './address.ts';
import { checkOctets, wrongArgument } from './argument.ts';
import type { Defect } from './defect.ts';
import type { HeaderBlock } from './header-block.ts';

/** One part of a parsed message. */
export interface ParsedPart {
  /** `''` for the message, `'1.2'` for the second part of its first part. */
  readonly path: string;
  readonly headers: HeaderBlock;
  /** In lower case, without parameters; `text/plain` if unreadable or missing (`message/rfc822` in a digest). */
  readonly contentType: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly disposition?: string;
  /** The last path segment of the sender's file name, without control characters. */
  readonly filename?: string;
  /** Without angle brackets. */
  readonly contentId?: string;
  /** The content after transfer decoding; of a multipart, only the text that it has in place of parts. */
  readonly content: Uint8Array;
  readonly parts: readonly ParsedPart[];
  /** Offsets of its octets in the message, for {@link rawPart}. */
  readonly range: PartRange;
  /** The attached message of a message/rfc822 or message/global part. */
  readonly message?: ParsedMessage;
}

/**
 * Offsets of a part in the octets of its message as received. In an attached message, they count from the start of the
 * `content` of its part. The line break before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
 */
export interface PartRange {
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
}

/**
 * Returns the octets of a part as received, to verify a signature over them (RFC 1847 §2.1, RFC 3156, RFC 8551).
 *
 * @param message  The octets that were parsed; for a part of an attached message, the `content` of that message's part.
 * @returns Views into `message`: the whole part, its header with the empty line, and its body before decoding.
 * @throws {MimeError} MB_MIME_OPTION for arguments of other types.
 * @example
 * const [signed, signature] = (await parseMessage(octets)).root.parts
 * verify(rawPart(octets, signed).octets, signature.content)
 */
export function rawPart(
  message: Uint8Array,
  part: Pick<ParsedPart, 'range'>,
): { readonly octets: Uint8Array; readonly header: Uint8Array; readonly body: Uint8Array } {
  checkOctets(message, 'rawPart: message');
  if (typeof part?.range?.end !== 'number')
    throw wrongArgument('rawPart: part', 'a part of a parsed message');
  const { start, bodyStart, end } = part.range;
  return {
    octets: message.subarray(start, end),
    header: message.subarray(start, bodyStart),
    body: message.subarray(bodyStart, end),
  };
}

/** A parsed message: its header fields, parts and defects. */
export interface ParsedMessage {
  /** The fields in order, with their raw octets. */
  readonly headers: HeaderBlock;
  readonly from: readonly (Mailbox | Group)[];
  readonly sender?: Mailbox;
  readonly replyTo: readonly (Mailbox | Group)[];
  readonly to: readonly (Mailbox | Group)[];
  readonly cc: readonly (Mailbox | Group)[];
  readonly bcc: readonly (Mailbox | Group)[];
  /** Decoded, on one line: encoded line breaks are replaced by spaces. */
  readonly subject?: string;
  readonly date?: Date;
  /** In angle brackets, as in `inReplyTo` and `references`. */
  readonly messageId?: string;
  readonly inReplyTo: readonly string[];
  readonly references: readonly string[];
  /**
   * The joined text of the parts in `textBody`, with LF line ends; flowed lines are joined (RFC 3676), and HTML parts
   * are reduced to their text. Undefined if none of these parts is plain text.
   */
  readonly text?: string;
  /**
   * The joined HTML of the parts in `htmlBody`, with LF line ends; plain text parts are escaped. Undefined if none of
   * these parts is HTML.
   */
  readonly html?: string;
  /** The parts to show, in order, if plain text is preferred: texts, and media between them (RFC 8621 §4.1.4). */
  readonly textBody: readonly ParsedPart[];
  /** The parts to show, in order, if HTML is preferred. */
  readonly htmlBody: readonly ParsedPart[];
  /** Other forms of the content in a multipart/alternative, such as a calendar invitation. */
  readonly alternatives: readonly ParsedPart[];
  /** All other parts, and also the images, audio and video in the body. */
  readonly attachments: readonly ParsedPart[];
  readonly root: ParsedPart;
  /** The defects of the message and its parts; empty for a well-formed message. */
  readonly defects: readonly Defect[];
}
