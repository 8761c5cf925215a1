import type { ReadyMessage } from '@mb/broker';
import type { Message } from '@mb/mime';

/** A message, with what must be known before it is sent. */
export interface PreparedMessage {
  readonly message: Message | ReadyMessage;
  readonly messageId: string;
  readonly recipients: number;
  readonly authorDomain: string;
}
