import { type Content, ContentReader } from './content.ts';
import { checkType, misuse, SmtpError, type Stage, type TranscriptEntry, toSmtpError } from './errors.ts';
import type { Clock } from './io/clock.ts';
import type { Driver } from './io/drive.ts';
import { matching, type OptionTable, readOptions, signal as signalRow } from './option-table.ts';
import { type DeliveryOutcome, SettledOutcome } from './outcome.ts';
import type { Capabilities } from './protocol/session/capabilities.ts';
import type { DeliverySettled, SessionEvent } from './protocol/session/events.ts';
import type { HostExperience } from './protocol/session/host-experience.ts';
import type { Envelope } from './protocol/transaction/envelope.ts';
import type { TlsEvidence } from './tls-evidence.ts';

/** Options of one delivery. */
export interface DeliverOptions {
  /** Aborts the delivery. If it has begun, this closes the connection: RFC 5321 has no other way after DATA. */
  readonly signal?: AbortSignal | undefined;
  /** The same message in 7-bit transfer encodings, used where the server lacks 8BITMIME. */
  readonly sevenBitContent?: Uint8Array | undefined;
}

/** What `deliver` accepts. */
export const deliverOptions = {
  signal: signalRow(),
  sevenBitContent: matching<Uint8Array>('octets', (value) => value instanceof Uint8Array),
} satisfies OptionTable<DeliverOptions>;

interface Pending {
  readonly id: number;
  readonly reader: ContentReader | undefined;
  readonly resolve: (outcome: DeliveryOutcome) => void;
  readonly reject: (error: unknown) => void;
  readonly stop: (() => void) | undefined;
}

/** The parts of a connection. */
export interface ConnectionParts {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly host: string;
  readonly address: string;
  readonly tls: TlsEvidence;
  readonly capabilities: Capabilities;
  readonly notes: readonly TranscriptEntry[];
}

/**
 * A greeted, secured and authenticated session with one server; made by `connect`.
 *
 * Several deliveries may be outstanding: they are written one after the other, as far ahead of the replies as the
 * server allows, and each resolves with its own outcome.
 */
export class SmtpConnection {
  /** The host that was asked for. */
  readonly host: string;
  /** `address:port` of the server. */
  readonly address: string;
  readonly tls: TlsEvidence;
  /** What the server offered; inside TLS if TLS is used. */
  readonly capabilities: Capabilities;
  readonly #parts: ConnectionParts;
  /** The transcript until the session was ready; every outcome begins with it. */
  readonly #prologue: readonly TranscriptEntry[];
  /**
   * Deliveries without an outcome, oldest first, which is the order in which they settle unless they are cancelled.
   * Not a Map: one that changes all the time replaces its table repeatedly. Once a table is in V8's old generation, later
   * tables and the objects in them survive until the next full collection.
   */
  readonly #pending: Pending[] = [];
  #used = false;
  #closing = false;
  #closedBy: SmtpError | undefined;
  #whenClosed: (() => void)[] = [];

  /** Use `connect`. */
  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.host = parts.host;
    this.address = parts.address;
    this.tls = parts.tls;
    this.capabilities = parts.capabilities;
    this.#prologue = [...parts.notes, ...parts.driver.session.transcript];
  }

  /** Whether the connection accepts another delivery. */
  get reusable(): boolean {
    const { session } = this.#parts.driver;
    return !this.#closing && session.state === 'ready' && session.mailsLeft > this.#pending.length;
  }

  /** What is known about the host: the object given to `connect`, with what was learned since. */
  get experience(): HostExperience {
    return this.#parts.driver.session.experience;
  }

  /** Number of messages that the server has answered on this connection, with success or not. */
  get answered(): number {
    return this.#parts.driver.session.answered;
  }

  /** Number of deliveries without an outcome. */
  get outstanding(): number {
    return this.#pending.length;
  }

  /** The transcript outside of deliveries so far. */
  get transcript(): readonly TranscriptEntry[] {
    return [...this.#parts.notes, ...this.#parts.driver.session.transcript];
  }

  /** Resolves when the connection is closed by either side. */
  get closed(): Promise<void> {
    if (this.#parts.driver.session.state === 'closed') return Promise.resolve();
    return new Promise((resolve) => this.#whenClosed.push(resolve));
  }

  /**
   * Delivers a message, and resolves with the result of each recipient.
   *
   * A refused recipient, a refused message and a lost connection are results. The promise rejects only when the message
   * was not offered to the server.
   * @param content  Message octets. Line ends become CRLF unless `envelope.body` is `binarymime`; nothing else changes. A
   *   stream is destroyed when the delivery has an outcome, and not touched when the promise rejects.
   * @throws {SmtpError} MB_SMTP_ADDRESS, MB_SMTP_PARAMETER, MB_SMTP_OPTION, MB_SMTP_CONNECTION_CLOSED, MB_SMTP_CONNECTION_STALE,
   *   MB_SMTP_MAIL_LIMIT, MB_SMTP_ABORTED
   * @example
   * const { recipients } = await connection.deliver({ from: 'a@example.org', to: ['b@example.com'] }, octets);
   * recipients[0].status // 'delivered' | 'failed' | 'deferred' | 'unknown'
   */
  deliver(envelope: Envelope, content: Content, options?: DeliverOptions): Promise<DeliveryOutcome> {
    try {
      const read = options && readOptions(options, deliverOptions, 'deliver: options');
      if (!this.#used || this.#pending.length > 0) return this.#offer(envelope, content, read);
      // The server may have closed an idle connection: read its end before writing anything.
      return this.#parts.driver.settleInput().then(() => this.#offer(envelope, content, read));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #offer(
    envelope: Envelope,
    content: Content,
    options: DeliverOptions | undefined,
  ): Promise<DeliveryOutcome> {
    const { driver } = this.#parts;
    const signal = options?.signal;
    checkContent(content);
    this.#used = true;
    if (signal?.aborted) throw aborted(signal);
    if (this.#closing || driver.session.state !== 'ready') throw this.#gone();
    const whole = content instanceof Uint8Array ? content : undefined;
    const id = driver.session.submit(envelope, whole, options?.sevenBitContent);
    // With other deliveries before it, nothing can be written yet.
    if (driver.session.waiting === 1) driver.wake();
    return new Promise((resolve, reject) => {
      this.#pending.push({
        id,
        reader: content instanceof Uint8Array ? undefined : new ContentReader(content),
        resolve,
        reject,
        stop: signal && this.#cancelOn(signal, id),
      });
    });
  }

  /** Cancels a delivery when `signal` aborts; the returned function removes the listener. */
  #cancelOn(signal: AbortSignal, id: number): () => void {
    const { driver, clock } = this.#parts;
    const onAbort = (): void => {
      driver.session.cancel(id, aborted(signal), clock.now());
      driver.wake();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  }

  /** Waits for the outstanding deliveries, sends QUIT and closes, without waiting for the reply to QUIT. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#pending.length > 0) await this.#drained();
    if (this.#parts.driver.session.state === 'ready') this.#parts.driver.quit();
  }

  /** As {@link SmtpConnection.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Closes at once; outstanding deliveries settle with what is known at this moment. */
  destroy(): void {
    this.#closing = true;
    const error = new SmtpError('The connection was closed by the caller.', abortedFields);
    this.#parts.driver.session.fail(error, this.#parts.clock.now());
    this.#parts.driver.wake();
  }

  /** @internal Handles an event of the session after `ready`. */
  handle(event: SessionEvent): void {
    switch (event.type) {
      case 'content-wanted':
        void this.#provide(event.id, event.restart);
        return;
      case 'delivery-settled':
        this.#settle(event);
        return;
      case 'delivery-not-attempted': {
        const pending = this.#take(event.id);
        pending?.reject(event.error.with({ address: this.address, transcript: this.transcript }));
        return;
      }
      case 'closed':
        this.#closedBy = event.error;
        for (const resolve of this.#whenClosed.splice(0)) resolve();
        return;
      default:
        return;
    }
  }

  async #provide(id: number, restart: boolean): Promise<void> {
    const { driver, clock } = this.#parts;
    const reader = this.#pending.find((pending) => pending.id === id)?.reader;
    if (!reader) return;
    try {
      const octets = await reader.read(restart);
      if (octets) driver.session.provideContent(id, octets, clock.now());
      else driver.session.endContent(id, clock.now());
    } catch (error) {
      // RFC 5321 §4.1.1.4: closing the connection is the only way to abandon a message within its content.
      driver.session.fail(toSmtpError(error), clock.now());
    }
    driver.wake();
  }

  #settle(settled: DeliverySettled): void {
    const pending = this.#take(settled.id);
    if (!pending) return;
    void pending.reader?.release();
    pending.resolve(new SettledOutcome(settled, this, this.#prologue));
  }

  #take(id: number): Pending | undefined {
    const index = this.#pending.findIndex((pending) => pending.id === id);
    if (index < 0) return undefined;
    const [pending] = this.#pending.splice(index, 1);
    pending!.stop?.();
    if (this.#pending.length === 0) for (const resolve of this.#whenDrained.splice(0)) resolve();
    return pending;
  }

  #whenDrained: (() => void)[] = [];
  #drained(): Promise<void> {
    return new Promise((resolve) => this.#whenDrained.push(resolve));
  }

  /** The error for a delivery on a connection that is closed. */
  #gone(): SmtpError {
    if (this.#closing)
      return misuse('MB_SMTP_CONNECTION_CLOSED', 'This connection was closed; open another one.', 'idle');
    return new SmtpError('The server has closed this connection; nothing was offered. Connect again.', {
      code: 'MB_SMTP_CONNECTION_STALE',
      kind: 'network',
      scope: 'session',
      stage: 'idle',
      retryable: true,
      reply: this.#closedBy?.reply,
      address: this.address,
      cause: this.#closedBy,
    });
  }
}

function checkContent(content: unknown): void {
  const streamed = typeof content === 'object' && content !== null && Symbol.asyncIterator in content;
  checkType(
    content instanceof Uint8Array || streamed,
    'deliver: content',
    'a Uint8Array or an async iterable of them',
  );
}

const abortedFields = {
  code: 'MB_SMTP_ABORTED',
  kind: 'aborted',
  scope: 'message',
  stage: 'idle',
  retryable: true,
} as const;

/** The error for an aborted signal; its kind is `timeout` for a signal of `AbortSignal.timeout()`. */
export function aborted(signal: AbortSignal, stage: Stage = 'idle'): SmtpError {
  const { reason } = signal;
  const late = typeof reason === 'object' && reason !== null && reason.name === 'TimeoutError';
  const text = late ? 'The timeout given by the caller has expired.' : 'The caller aborted the operation.';
  return new SmtpError(text, { ...abortedFields, kind: late ? 'timeout' : 'aborted', stage, cause: reason });
}
