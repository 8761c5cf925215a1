import type { Reply } from '../../errors.ts';
import { integer, literal, matching, type OptionTable, readOptions } from '../../option-table.ts';

/** Maximum number of messages in flight. */
export const largestWindow = 16;
/** Messages in a row without a refusal after which the window doubles. */
export const cleanRunToDouble = 16;

/** What is known about a host from earlier sessions, as plain data to store. */
export interface HostFacts {
  /** Messages that may be in flight at once in one session: 1 at first, at most 16. */
  readonly window: number;
  /** Messages in a row delivered without a refusal since the window last changed. */
  readonly cleanRun: number;
  /**
   * Messages that the host accepts per session, from LIMITS (RFC 9422), a reply to MAIL, or two sessions that ended so.
   */
  readonly messagesPerSession?: number;
  /** Recipients that the host accepts per transaction, from LIMITS or a refusal of too many. */
  readonly recipientsPerTransaction?: number;
  /** The host offers CHUNKING but does not support BDAT, so DATA is used. */
  readonly refusesChunking?: true;
  /** Number of messages after which the host last ended a session without a reason. */
  readonly endedAfter?: number;
}

/** The same, each field optional. */
export type FactOptions = { readonly [K in keyof HostFacts]?: HostFacts[K] | undefined };

/** Text of a 421 because the session has reached the maximum number of messages. */
const sessionFull =
  /too many (?:messages|mails|e-?mails|transactions|deliver)|(?:messages|mails|transactions)\b.{0,40}\b(?:per|in|this|for this) (?:connection|session)|(?:message|mail|transaction) limit (?:per|for|of) /i;

/** The same in a 4yz to MAIL that keeps the session open; stricter, since a 421 ends the session anyway. */
const sessionFullButOpen =
  /too many messages sent|(?:messages|mails|transactions)\b.{0,40}\b(?:per|in|this|for this) (?:connection|session)/i;

/**
 * @internal Whether a 4yz to MAIL says that this session has reached the maximum number of messages.
 *
 * RFC 3463 §3.6: x.5.3 means too many recipients, which cannot concern this message before its first RCPT.
 */
export function saysSessionFull({ enhanced, lines }: Reply): boolean {
  return enhanced?.endsWith('.5.3') === true || sessionFullButOpen.test(lines.join(' '));
}

/**
 * What is known about a host, shared by all sessions with it.
 *
 * The window is the number of messages that may be in flight. It begins at one, and content is then sent only after the
 * replies to the recipients. It doubles after 16 messages in a row without a refusal. It returns to one for all sessions
 * when a session ends with messages in flight. After a refusal it is one in that session until 16 messages in a row are
 * delivered, because servers count refusals and hang up after too many.
 *
 * @example
 * const experience = new HostExperience(await load('mx.example.com'));
 * const connection = await connect({ host: 'mx.example.com', hostname, experience });
 * …
 * await save('mx.example.com', experience.facts);
 */
export class HostExperience {
  #window: number;
  #cleanRun: number;
  #messagesPerSession: number | undefined;
  #recipientsPerTransaction: number | undefined;
  #refusesChunking: boolean;
  #endedAfter: number | undefined;
  #facts: HostFacts | undefined;

  /**
   * @param given  Stored {@link HostExperience.facts}; absent for an unknown host.
   *
   * @throws {SmtpError} MB_SMTP_OPTION
   */
  constructor(given: FactOptions = {}) {
    const facts = readOptions(given, factOptions, 'HostExperience: facts');
    this.#window = Math.min(facts.window ?? 1, largestWindow);
    this.#cleanRun = facts.cleanRun ?? 0;
    this.#messagesPerSession = facts.messagesPerSession;
    this.#recipientsPerTransaction = facts.recipientsPerTransaction;
    this.#refusesChunking = facts.refusesChunking ?? false;
    this.#endedAfter = facts.endedAfter;
  }

  /** All facts as plain data; a new object after each change. */
  get facts(): HostFacts {
    this.#facts ??= Object.freeze({
      window: this.#window,
      cleanRun: this.#cleanRun,
      ...(this.#messagesPerSession === undefined ? {} : { messagesPerSession: this.#messagesPerSession }),
      ...(this.#recipientsPerTransaction === undefined
        ? {}
        : { recipientsPerTransaction: this.#recipientsPerTransaction }),
      ...(this.#refusesChunking ? { refusesChunking: true as const } : {}),
      ...(this.#endedAfter === undefined ? {} : { endedAfter: this.#endedAfter }),
    });
    return this.#facts;
  }

  /** Messages that may be in flight at once in one session. */
  get window(): number {
    return this.#window;
  }

  get messagesPerSession(): number | undefined {
    return this.#messagesPerSession;
  }

  get recipientsPerTransaction(): number | undefined {
    return this.#recipientsPerTransaction;
  }

  get refusesChunking(): boolean {
    return this.#refusesChunking;
  }

  get endedAfter(): number | undefined {
    return this.#endedAfter;
  }

  /**
   * @internal Records that a message was answered completely; `clean` when nothing was refused.
   * @param messages  Number of messages answered in its session.
   */
  answered(clean: boolean, messages: number): void {
    if (this.#endedAfter !== undefined && messages > this.#endedAfter) {
      this.#endedAfter = undefined;
      this.#facts = undefined;
    }
    if (!clean) {
      if (this.#cleanRun === 0) return;
      this.#cleanRun = 0;
    } else {
      if (this.#window >= largestWindow) return;
      this.#cleanRun += 1;
      if (this.#cleanRun >= cleanRunToDouble) {
        this.#window = Math.min(this.#window * 2, largestWindow);
        this.#cleanRun = 0;
      }
    }
    this.#facts = undefined;
  }

  /**
   * Resets the window, for a host that was not used for a long time and may be another machine now. `@mb/broker` calls
   * this after a day.
   */
  forgetWindow(): void {
    this.lost();
  }

  /**
   * Forgets the limits of the host (messages per session, recipients per transaction, BDAT), so that the next session
   * learns them again. That costs a session, but no message: at the number of messages where sessions ended before, only
   * one message is in flight. `@mb/broker` calls this a day after the limits were learned.
   */
  forgetLimits(): void {
    this.#endedAfter = this.#messagesPerSession ?? this.#endedAfter;
    this.#messagesPerSession = undefined;
    this.#recipientsPerTransaction = undefined;
    this.#refusesChunking = false;
    this.#facts = undefined;
  }

  /** @internal Records that a session ended with messages in flight, or with a 421. */
  lost(): void {
    this.#window = 1;
    this.#cleanRun = 0;
    this.#facts = undefined;
  }

  /**
   * @internal Records that the host ended a session before another message.
   * @param messages  Number of messages that it had answered in that session.
   * @param reason  The text of its 421; undefined if it closed the connection without a reply.
   */
  endedBetween(messages: number, reason: string | undefined): void {
    if (messages === 0) return;
    const said = reason !== undefined && sessionFull.test(reason);
    // One session may end by chance; two that end after the same number of messages show a limit.
    if (said || this.#endedAfter === messages) {
      this.#messagesPerSession = messages;
      this.#endedAfter = undefined;
    } else {
      this.#endedAfter = messages;
    }
    this.#facts = undefined;
  }

  /** @internal Records that the host answered MAIL that the session is full, and kept the session open. */
  sessionFull(messages: number): void {
    this.#messagesPerSession = messages;
    this.#endedAfter = undefined;
    this.#facts = undefined;
  }

  /** @internal Records LIMITS, which override what was learned (RFC 9422 §4). */
  offered(limits: { readonly mailMax?: number; readonly rcptMax?: number }): void {
    if (limits.mailMax !== undefined) this.#messagesPerSession = limits.mailMax;
    if (limits.rcptMax !== undefined) this.#recipientsPerTransaction = limits.rcptMax;
    if (limits.mailMax !== undefined || limits.rcptMax !== undefined) this.#facts = undefined;
  }

  /** @internal Records that the host accepts at most this number of recipients per transaction. */
  tooManyRecipients(taken: number): void {
    this.#recipientsPerTransaction = Math.min(this.#recipientsPerTransaction ?? Infinity, taken);
    this.#facts = undefined;
  }

  /** @internal Records that the host offers CHUNKING but does not support BDAT. */
  chunkingRefused(): void {
    this.#refusesChunking = true;
    this.#facts = undefined;
  }
}

const count = integer(1, 2 ** 31 - 1);

/** What `HostExperience` accepts. */
export const factOptions = {
  window: count,
  cleanRun: integer(0, 2 ** 31 - 1),
  messagesPerSession: count,
  recipientsPerTransaction: count,
  refusesChunking: literal(true),
  endedAfter: count,
} satisfies OptionTable<FactOptions>;

/** The option `experience`. */
export const experienceRow = matching<HostExperience>(
  'a HostExperience',
  (value) => value instanceof HostExperience,
);
