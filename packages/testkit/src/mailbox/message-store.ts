import { TestkitError } from '../errors.ts';
import type { ReceivedMessage } from './received-message.ts';

/** Selects messages; all given conditions must hold. */
export interface MessageFilter {
  /** An envelope recipient, in any case. */
  readonly to?: string | undefined;
  /** The reverse-path, in any case. */
  readonly from?: string | undefined;
  /** The exact subject, or a pattern that it matches. */
  readonly subject?: string | RegExp | undefined;
  /** A string or pattern that occurs in the text or the HTML. */
  readonly body?: string | RegExp | undefined;
}

/** A filter, and how long to wait for a message. */
export interface WaitOptions extends MessageFilter {
  /** Time to wait, in real milliseconds; default 5,000. */
  readonly timeoutMs?: number | undefined;
}

/** The received messages, and the pending waits for messages. */
export class MessageStore {
  readonly messages: ReceivedMessage[] = [];
  readonly #watchers = new Set<() => void>();

  add(message: ReceivedMessage): void {
    this.messages.push(message);
    for (const look of this.#watchers) look();
  }

  clear(): void {
    this.messages.length = 0;
  }

  /**
   * Resolves to the first matching message, also if it has yet to arrive.
   *
   * @throws {TestkitError} MB_TESTKIT_WAIT after `timeoutMs`; it lists the messages that arrived.
   */
  wait({ timeoutMs = 5_000, ...filter }: WaitOptions): Promise<ReceivedMessage> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.messages.find((message) => fits(message, filter));
        if (!found) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(
          new TestkitError(
            'MB_TESTKIT_WAIT',
            `No message ${describeFilter(filter)} within ${timeoutMs} ms. ${describeMessages(this.messages)}`,
          ),
        );
      }, timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }
}

/** Whether a message matches a filter. */
export function fits(message: ReceivedMessage, { to, from, subject, body }: MessageFilter): boolean {
  return (
    (to === undefined || message.to.includes(to.toLowerCase())) &&
    (from === undefined || message.from.toLowerCase() === from.toLowerCase()) &&
    (subject === undefined ||
      (typeof subject === 'string' ? message.subject === subject : matches(subject, message.subject))) &&
    (body === undefined ||
      [message.text, message.html].some((text) =>
        typeof body === 'string' ? text.includes(body) : matches(body, text),
      ))
  );
}

/** Describes a filter for an error message. */
export function describeFilter(filter: MessageFilter): string {
  const parts = Object.entries(filter).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${value instanceof RegExp ? value : JSON.stringify(value)}`],
  );
  return parts.length === 0 ? 'at all' : `with ${parts.join(', ')}`;
}

/** Describes up to ten messages for an error message, the latest last. */
export function describeMessages(messages: readonly ReceivedMessage[]): string {
  if (messages.length === 0) return 'There is none.';
  const shown = messages
    .slice(-10)
    .map(({ to, subject }) => `to ${to.join(', ')}: ${JSON.stringify(subject)}`);
  return `There are ${messages.length}; the latest:\n${shown.join('\n')}`;
}

/** Tests a pattern without the state of a global or sticky expression. */
function matches(pattern: RegExp, text: string): boolean {
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(text);
}
