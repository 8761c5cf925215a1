import type { Group, Mailbox } from './address.ts';
import { checkOctets, wrongArgument } from './argument.ts';
import type { Defect } from './defect.ts';
import type { HeaderBlock } from './header-block.ts';

/** One part of a parsed message. */
export interface ParsedPart {
  /** `''` for the message, `'1.2'` for the second part of its first part. */
  readonly path: string;
  readonly headers: HeaderBlock;
  /** Lower-case, without parameters; `text/plain` where nothing readable is said. */
  readonly contentType: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly disposition?: string;
  /** The last segment of the name that the sender gave: no path, no control characters. */
  readonly filename?: string;
  /** Without angle brackets. */
  readonly contentId?: string;
  /** The content, its transfer encoding undone; of a multipart only what it holds instead of parts. */
  readonly content: Uint8Array;
  readonly parts: readonly ParsedPart[];
  /** Where its octets are; {@link rawPart} takes them out of the message. */
  readonly range: PartRange;
  /** The attached message of a message/rfc822 or message/global part. */
  readonly message?: ParsedMessage;
}

/**
 * Offsets of a part in the octets of its message as received: an attached message counts from the start of its part's
 * `content`. The line break before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
 */
export interface PartRange {
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
}

/**
 * The octets of a part as received, for signatures over them (RFC 1847 §2.1, RFC 3156, RFC 8551).
 *
 * @param message  The octets that were parsed; those of an attached message are the `content` of its part.
 * @returns Views into `message`: the whole part, its header with the empty line, and its body before any decoding.
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

/** A parsed message: views of its fields, and all parts. */
export interface ParsedMessage {
  /** The fields in order, raw octets kept. */
  readonly headers: HeaderBlock;
  readonly from: readonly (Mailbox | Group)[];
  readonly sender?: Mailbox;
  readonly replyTo: readonly (Mailbox | Group)[];
  readonly to: readonly (Mailbox | Group)[];
  readonly cc: readonly (Mailbox | Group)[];
  readonly bcc: readonly (Mailbox | Group)[];
  /** On one line: an encoded line break became a space. */
  readonly subject?: string;
  readonly date?: Date;
  /** In angle brackets, as all identifiers. */
  readonly messageId?: string;
  readonly inReplyTo: readonly string[];
  readonly references: readonly string[];
  /**
   * The plain text of `textBody` with LF line ends, its parts joined; flowed text is joined (RFC 3676). A part that its
   * sender wrote as HTML only adds its words. Undefined when none of the parts is plain text.
   */
  readonly text?: string;
  /**
   * The HTML of `htmlBody` with LF line ends, its parts joined; a part that is plain text is escaped. Undefined when
   * none of the parts is HTML.
   */
  readonly html?: string;
  /** The parts to show, in order, where plain text is preferred: texts, and media between them (RFC 8621 §4.1.4). */
  readonly textBody: readonly ParsedPart[];
  /** The parts to show, in order, where HTML is preferred. */
  readonly htmlBody: readonly ParsedPart[];
  /** Further forms of the content in a multipart/alternative, such as a calendar invitation. */
  readonly alternatives: readonly ParsedPart[];
  /** All other parts with content, and images, sound and video wherever they are. */
  readonly attachments: readonly ParsedPart[];
  readonly root: ParsedPart;
  /** What was wrong; empty for a well-formed message. */
  readonly defects: readonly Defect[];
}
