import type { Reply } from '../../errors.ts';
import { integer, literal, matching, type OptionTable, readOptions } from '../../option-table.ts';

/** Messages in flight at most, and what a window can grow to. */
export const largestWindow = 16;
/** Messages that must be answered in a row, none of them refused, before the window doubles. */
export const cleanRunToDouble = 16;

/** What sessions have shown about a host: plain data, to be kept with the host. */
export interface HostFacts {
  /** Messages that may be in flight at once in one session: 1 at first, at most 16. */
  readonly window: number;
  /** Messages in a row that were delivered without any refusal since the window last changed. */
  readonly cleanRun: number;
  /** Messages that the host takes in one session: said by LIMITS (RFC 9422), said in a reply to MAIL, or seen twice. */
  readonly messagesPerSession?: number;
  /** Recipients that the host takes in one transaction, as LIMITS or a refusal of one too many said. */
  readonly recipientsPerTransaction?: number;
  /** The host offers CHUNKING and does not know BDAT; DATA is used. */
  readonly refusesChunking?: true;
  /** After how many messages the host last ended a session before another one, without giving a reason. */
  readonly endedAfter?: number;
}

/** The same, each field optional. */
export type FactOptions = { readonly [K in keyof HostFacts]?: HostFacts[K] | undefined };

/** Text of a 421 to a session that has reached the number of messages allowed. */
const sessionFull =
  /too many (?:messages|mails|e-?mails|transactions|deliver)|(?:messages|mails|transactions)\b.{0,40}\b(?:per|in|this|for this) (?:connection|session)|(?:message|mail|transaction) limit (?:per|for|of) /i;

/** The same in a 4yz to MAIL, after which the session stays open; fewer words than for a 421, which ends it anyway. */
const sessionFullButOpen =
  /too many messages sent|(?:messages|mails|transactions)\b.{0,40}\b(?:per|in|this|for this) (?:connection|session)/i;

/**
 * @internal Whether a 4yz to MAIL says that this session has reached the number of messages allowed.
 *
 * RFC 3463 §3.6: x.5.3 is too many recipients, and before the first RCPT that is not about this message.
 */
export function saysSessionFull({ enhanced, lines }: Reply): boolean {
  return enhanced?.endsWith('.5.3') === true || sessionFullButOpen.test(lines.join(' '));
}

/**
 * What is known about one host and shared by all sessions with it.
 *
 * The window is the number of messages that may be in flight. It is one at first, and content is then sent only after
 * the replies to the recipients. It doubles after 16 messages in a row that were delivered without a refusal, and is one
 * again for all sessions when one of them ends with messages in flight. After a refusal it is one in that session until
 * 16 messages in a row are clean, because servers count refusals and hang up at the last one that they allow.
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

  /** @param given  As {@link HostExperience.facts} gave them; absent for a host that nothing is known about. @throws {SmtpError} MB_SMTP_OPTION */
  constructor(given: FactOptions = {}) {
    const facts = readOptions(given, factOptions, 'HostExperience: facts');
    this.#window = Math.min(facts.window ?? 1, largestWindow);
    this.#cleanRun = facts.cleanRun ?? 0;
    this.#messagesPerSession = facts.messagesPerSession;
    this.#recipientsPerTransaction = facts.recipientsPerTransaction;
    this.#refusesChunking = facts.refusesChunking ?? false;
    this.#endedAfter = facts.endedAfter;
  }

  /** Everything known, as plain data; another object after each change. */
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
   * @internal A message was answered to its end; `clean` when nothing of it was refused.
   * @param messages  How many were answered in its session.
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
   * Forgets how far commands may run ahead, for a host that was not used for long: it may be another machine by now, and
   * the window is earned again. `@mb/broker` calls this after a day.
   */
  forgetWindow(): void {
    this.lost();
  }

  /**
   * Forgets what the host does not take, so that the next session finds out again: messages per session, recipients per
   * transaction, BDAT. Where sessions ended before, no message follows another one without its answer, so finding out
   * costs a session and no message. `@mb/broker` calls this a day after they were learnt.
   */
  forgetLimits(): void {
    this.#endedAfter = this.#messagesPerSession ?? this.#endedAfter;
    this.#messagesPerSession = undefined;
    this.#recipientsPerTransaction = undefined;
    this.#refusesChunking = false;
    this.#facts = undefined;
  }

  /** @internal A session ended with messages in flight, or with a 421. */
  lost(): void {
    this.#window = 1;
    this.#cleanRun = 0;
    this.#facts = undefined;
  }

  /**
   * @internal The host ended a session where another message began.
   * @param messages  How many it had answered in that session.
   * @param reason  The text of its 421; undefined when it closed the connection without a reply.
   */
  endedBetween(messages: number, reason: string | undefined): void {
    if (messages === 0) return;
    const said = reason !== undefined && sessionFull.test(reason);
    // A session that ended once may have ended by chance; one that ends twice at the same place has a limit.
    if (said || this.#endedAfter === messages) {
      this.#messagesPerSession = messages;
      this.#endedAfter = undefined;
    } else {
      this.#endedAfter = messages;
    }
    this.#facts = undefined;
  }

  /** @internal The host answered MAIL that this session has reached the number of messages allowed, and keeps it open. */
  sessionFull(messages: number): void {
    this.#messagesPerSession = messages;
    this.#endedAfter = undefined;
    this.#facts = undefined;
  }

  /** @internal What LIMITS says holds, whatever was seen before (RFC 9422 §4). */
  offered(limits: { readonly mailMax?: number; readonly rcptMax?: number }): void {
    if (limits.mailMax !== undefined) this.#messagesPerSession = limits.mailMax;
    if (limits.rcptMax !== undefined) this.#recipientsPerTransaction = limits.rcptMax;
    if (limits.mailMax !== undefined || limits.rcptMax !== undefined) this.#facts = undefined;
  }

  /** @internal The host said that it takes no more recipients than these in one transaction. */
  tooManyRecipients(taken: number): void {
    this.#recipientsPerTransaction = Math.min(this.#recipientsPerTransaction ?? Infinity, taken);
    this.#facts = undefined;
  }

  /** @internal BDAT was offered and is not known. */
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
