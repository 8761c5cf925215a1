import { TestkitError } from '../errors.ts';
import type { ReceivedMessage } from './received-message.ts';

/** Which message is wanted; everything that is given must fit. */
export interface MessageFilter {
  /** An envelope recipient, in any case. */
  readonly to?: string | undefined;
  /** The reverse-path. */
  readonly from?: string | undefined;
  /** The subject, or what is found in it. */
  readonly subject?: string | RegExp | undefined;
  /** Found in the text or the HTML. */
  readonly body?: string | RegExp | undefined;
}

/** How long to wait. */
export interface WaitOptions extends MessageFilter {
  /** Real milliseconds; default 5,000. */
  readonly timeoutMs?: number | undefined;
}

/** Messages that came in, and those who wait for one. */
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

  /** @throws {TestkitError} MB_TESTKIT_WAIT, which lists what came instead. */
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

/** Whether a message is what a filter asks for. */
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

/** What a filter asks for, in words. */
export function describeFilter(filter: MessageFilter): string {
  const parts = Object.entries(filter).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${value instanceof RegExp ? value : JSON.stringify(value)}`],
  );
  return parts.length === 0 ? 'at all' : `with ${parts.join(', ')}`;
}

/** The messages that are there, in words. */
export function describeMessages(messages: readonly ReceivedMessage[]): string {
  if (messages.length === 0) return 'There is none.';
  const shown = messages
    .slice(-10)
    .map(({ to, subject }) => `to ${to.join(', ')}: ${JSON.stringify(subject)}`);
  return `There are ${messages.length}; the latest:\n${shown.join('\n')}`;
}

/** Without the state of a global expression. */
function matches(pattern: RegExp, text: string): boolean {
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(text);
}
