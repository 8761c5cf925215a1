import type { NewMessage } from '../store/port.ts';
import type { OutgoingMessage } from './unsigned-message.ts';

/** When a recipient's outcome is reported to the return path (RFC 3461 §4.1). */
export type Notify = 'never' | readonly ('success' | 'failure' | 'delay')[];

/** What the queue keeps of a message beside its octets, as JSON, for delivery and for reports. */
export interface QueuedEnvelope extends Pick<OutgoingMessage, 'requires' | 'messageId' | 'authorDomain'> {
  readonly requireTls?: true;
  /** The octets carry their signatures already. */
  readonly signed?: true;
  /** RFC 3461 §4.4 */
  readonly envid?: string;
  /** RFC 3461 §4.3; default `headers`. */
  readonly ret?: 'full' | 'headers';
  /** The message is a report on these recipients; when no recipient gets it, they get an event. */
  readonly reportOn?: readonly string[];
}

/** What the queue keeps of a recipient beside its address. */
export interface QueuedRecipientOptions {
  readonly notify?: Notify;
  /** RFC 3461 §4.2: the address that the message was sent to first, as `type;value`. */
  readonly orcpt?: string;
}

/** Reads back what {@link NewMessage.envelope} held; a message of another program gets what is safe. */
export function readQueuedEnvelope(envelope: NewMessage['envelope'], sender: string): QueuedEnvelope {
  const given = (envelope ?? {}) as Partial<QueuedEnvelope>;
  return {
    ...given,
    requires: given.requires ?? { eightBit: true, smtputf8: false },
    messageId: given.messageId ?? '',
    authorDomain: given.authorDomain ?? sender.slice(sender.lastIndexOf('@') + 1),
  };
}
