import type { ReadyMessage } from '@mb/broker';
import type { Message } from '@mb/mime';

/** A message, and what has to be known ahead. */
export interface PreparedMessage {
  readonly message: Message | ReadyMessage;
  readonly messageId: string;
  readonly recipients: number;
  readonly authorDomain: string;
}
