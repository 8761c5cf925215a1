import type { LintFinding } from '@mb/broker/lint';
import type { ParsedMessage } from '@mb/mime';
import type { ArrivalReport } from './report.ts';
import type { Arrival } from './server.ts';

/** A message that the inbox keeps for its page and its HTTP API. */
export interface KeptMessage {
  /** Counts from 1. */
  readonly id: number;
  readonly arrival: Arrival;
  readonly message: ParsedMessage;
  readonly report: ArrivalReport;
  readonly lint: readonly LintFinding[];
}

/** Conditions on messages; all that are given must hold. */
export interface MessageFilter {
  /** An envelope recipient, in any case. */
  readonly to?: string | undefined;
  readonly from?: string | undefined;
  /** Part of the subject, in any case. */
  readonly subject?: string | undefined;
}

/** Maximum number of messages kept; the oldest are dropped first. */
const mostMessages = 500;

/** Keeps the latest messages, and lets callers wait for one. */
export class InboxMailbox {
  readonly #messages: KeptMessage[] = [];
  readonly #watchers = new Set<() => void>();
  #count = 0;

  add(message: Omit<KeptMessage, 'id'>): void {
    this.#messages.push({ ...message, id: ++this.#count });
    if (this.#messages.length > mostMessages) this.#messages.shift();
    for (const look of this.#watchers) look();
  }

  clear(): void {
    this.#messages.length = 0;
  }

  get(id: number): KeptMessage | undefined {
    return this.#messages.find((message) => message.id === id);
  }

  /** In the order in which they came. */
  list(filter: MessageFilter): readonly KeptMessage[] {
    return this.#messages.filter((message) => fits(message, filter));
  }

  /** The first message that fits; undefined when none came in time. */
  wait(filter: MessageFilter, timeoutMs: number, signal: AbortSignal): Promise<KeptMessage | undefined> {
    return new Promise((resolve) => {
      const done = (found?: KeptMessage) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#watchers.delete(look);
        resolve(found);
      };
      const onAbort = () => done();
      const look = () => {
        const [found] = this.list(filter);
        if (found) done(found);
      };
      const timer = setTimeout(done, timeoutMs);
      this.#watchers.add(look);
      signal.addEventListener('abort', onAbort, { once: true });
      look();
    });
  }
}

function fits({ arrival, message }: KeptMessage, { to, from, subject }: MessageFilter): boolean {
  const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();
  return (
    (to === undefined || arrival.recipients.some((address) => same(address, to))) &&
    (from === undefined || same(arrival.sender, from)) &&
    (subject === undefined || (message.subject ?? '').toLowerCase().includes(subject.toLowerCase()))
  );
}

const url = /\bhttps?:\/\/[^\s<>"'`\u0000-\u001f]+/gi;

/** http and https links of the HTML, then of the text, each once. */
export function linksOf({ html = '', text = '' }: Pick<ParsedMessage, 'html' | 'text'>): string[] {
  const inHtml = Array.from(html.matchAll(/\bhref\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)')/gi), (found) =>
    (found[1] ?? found[2] ?? '').replaceAll('&amp;', '&').trim(),
  ).filter((link) => /^https?:\/\//i.test(link));
  // The punctuation of a sentence may follow a link.
  const inText = Array.from(text.matchAll(url), ([link]) => link.replace(/[.,;:!?)\]]{1,9}$/, ''));
  return [...new Set([...inHtml, ...inText])];
}

/** Login codes: 4 to 8 digits, perhaps in two groups, outside of links. */
export function codesOf({ html = '', text = '' }: Pick<ParsedMessage, 'html' | 'text'>): string[] {
  const plain =
    text === ''
      ? html
          .split(/<\/?(?:style|script)\b[^<>]*>/i)
          .filter((_, i) => i % 2 === 0)
          .join(' ')
          .replace(/<[^<>]*>/g, ' ')
      : text;
  const found = plain
    .replace(url, ' ')
    .matchAll(/(?<![\w.,:/-])(?:\d{4,8}|\d{2,4}[ -]\d{2,4})(?![\w:/-]|[.,]\d)/g);
  return [...new Set(Array.from(found, ([code]) => code.replace(/[ -]/g, '')))];
}
