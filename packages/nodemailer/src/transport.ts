import { EventEmitter } from 'node:events';
import type {
  EnqueueOptions,
  EnqueueResult,
  Explanation,
  Notify,
  ReadyMessage,
  RecipientOutcome,
  SendOptions,
} from '@mb/broker';
import type { Message } from '@mb/mime';
import manifest from '../package.json' with { type: 'json' };
import { messageError, NodemailerBridgeError } from './errors.ts';
import { fromNodemailer } from './from-nodemailer.ts';
import type { NodemailerMessage } from './nodemailer-message.ts';
import {
  integer,
  matching,
  type OptionTable,
  readOptions,
  required,
  text,
  withMethods,
  word,
} from './option-table.ts';
import { type MbSentMessageInfo, type SentParts, sentInfo } from './sent-message.ts';

/** The part of a `MailBroker` that the transport uses, so that tests can pass a fake. */
export interface TransportBroker {
  /** Makes one delivery attempt. */
  send(message: Message | ReadyMessage, options?: SendOptions): Promise<RecipientOutcome[]>;
  /** Stores a message durably; a worker delivers it. */
  enqueue(message: Message | ReadyMessage, options?: EnqueueOptions): Promise<EnqueueResult>;
  /** Tells what delivery would do; for `verify()` in mode `send`. */
  explain?(message: Message | ReadyMessage, options?: SendOptions): Promise<Pick<Explanation, 'deliveries'>>;
  /** Resolves if the queue works; for `verify()` in mode `queue`. */
  health?(): Promise<unknown>;
}

/** Options of {@link mbTransport}. */
export interface MbTransportOptions {
  /** The broker that delivers. Closing the transport does not close it. */
  readonly broker: TransportBroker;
  /**
   * `send`: makes one attempt, and `sendMail()` resolves with the replies of the hosts. `queue`: `sendMail()` resolves when
   * the message is stored durably, and the broker's worker delivers it. Default `send`.
   */
  readonly mode?: 'send' | 'queue' | undefined;
  /**
   * What composes the message: `nodemailer`, which keeps its plugins and options working, or `mb`, which uses
   * `fromNodemailer()` and `@mb/mime`. Default `nodemailer`.
   */
  readonly composer?: 'nodemailer' | 'mb' | undefined;
  /** Options of `send()` or `enqueue()` for all messages, such as `transactional`. The option `mb` overrides them. */
  readonly options?: MbMessageOptions | undefined;
  /** Number of concurrent messages at which `isIdle()` becomes false. Default 100. More are still accepted. */
  readonly maxConcurrent?: number | undefined;
  /** The author that `verify()` checks, without sending; default `from` in the defaults of `createTransport()`. */
  readonly verifyFrom?: string | undefined;
}

/** Options of the broker for one message: the option `mb` of `sendMail()`. */
export interface MbMessageOptions
  extends Pick<SendOptions, 'tenant' | 'tag'>,
    Omit<EnqueueOptions, 'transaction' | 'signal'> {
  /** Deliver only over verified TLS (RFC 8689). Default false. */
  readonly requireTls?: boolean | undefined;
  /** A client of the queue's database. The message is queued if and only if its transaction commits. */
  readonly transaction?: unknown;
}

const messageOptions = matching<MbMessageOptions>(
  'an object with options of send() or enqueue()',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** The checks of `MbTransportOptions`. */
export const transportOptions = {
  broker: required(withMethods<TransportBroker>('send', 'enqueue')),
  mode: word(['send', 'queue']),
  composer: word(['nodemailer', 'mb']),
  options: messageOptions,
  maxConcurrent: integer(1, 1_000_000),
  verifyFrom: text('an address', { pattern: /./s }),
} satisfies OptionTable<MbTransportOptions>;

/** The part of nodemailer's message that the transport uses. */
export interface TransportMail {
  // biome-ignore lint/suspicious/noExplicitAny: nodemailer types its data differently from version to version.
  readonly data: any;
  // biome-ignore lint/suspicious/noExplicitAny: likewise.
  readonly message: any;
}

/** Called once with the result of a message. */
export type SendCallback = (error: Error | null, info: MbSentMessageInfo) => void;

/**
 * Creates a transport for nodemailer. The rest of the program stays as it is.
 *
 * @throws {NodemailerBridgeError} MB_NODEMAILER_OPTION
 * @example
 * const broker = new MailBroker({ hostname: 'mail.example.com', dkim });
 * const transporter = nodemailer.createTransport(mbTransport({ broker }));
 * const info = await transporter.sendMail({ from: 'ann@example.com', to: 'bob@example.org', text: 'Hello' });
 * console.log(info.accepted, info.rejected, info.outcomes);
 */
export function mbTransport(options: MbTransportOptions): MbTransport {
  return new MbTransport(readOptions(options, transportOptions, 'mbTransport: options'));
}

/**
 * A transport for nodemailer, created by {@link mbTransport}. Emits `idle` when it can start another message, and `clear`
 * when no message is in progress.
 */
export class MbTransport extends EventEmitter {
  readonly name = 'mb';
  readonly version: string = manifest.version;
  /** Aborting the signal of a message ends its attempt, not just the wait for it. */
  readonly supportsAbortSignal = true;
  /** Set by nodemailer. */
  // biome-ignore lint/suspicious/noExplicitAny: nodemailer's own class.
  mailer: any = undefined;
  readonly #options: MbTransportOptions;
  readonly #most: number;
  #running = 0;
  #closed = false;

  constructor(options: MbTransportOptions) {
    super();
    this.#options = options;
    this.#most = options.maxConcurrent ?? 100;
    setImmediate(() => this.#tellIdle());
  }

  /** Called by nodemailer for each message. */
  send(mail: TransportMail, callback: SendCallback): void {
    this.#running++;
    const done = (error: Error | null, info?: MbSentMessageInfo) => {
      this.#running--;
      // Outside the promise, so that an error thrown by the callback does not call it again.
      setImmediate(() => {
        if (error) callback(error, undefined as never);
        else callback(null, info!);
        this.#tellIdle();
        if (this.#running === 0) this.emit('clear');
      });
    };
    this.#deliver(mail).then((info) => done(null, info), done);
  }

  /**
   * Checks the configuration without sending. `queue`: checks that the store works. `send`: checks keys, DNS, route and TLS
   * policy for a message from `verifyFrom` to itself, without connecting to a mail host.
   *
   * @throws {NodemailerBridgeError} MB_NODEMAILER_VERIFY
   */
  verify(callback: (error: Error | null, success: true) => void): void;
  verify(): Promise<true>;
  verify(callback?: (error: Error | null, success: true) => void): Promise<true> | undefined {
    const verified = this.#verify();
    if (!callback) return verified;
    verified.then(
      () => setImmediate(() => callback(null, true)),
      (error) => setImmediate(() => callback(error, undefined as never)),
    );
    return undefined;
  }

  /** Whether another message would start immediately. */
  isIdle(): boolean {
    return !this.#closed && this.#running < this.#most;
  }

  /** Number of messages in progress. */
  pendingCount(): number {
    return this.#running;
  }

  /** Refuses new messages and finishes those in progress. The broker stays open. */
  close(): void {
    this.#closed = true;
  }

  #tellIdle(): void {
    if (this.isIdle()) this.emit('idle');
  }

  async #deliver(mail: TransportMail): Promise<MbSentMessageInfo> {
    if (this.#closed) {
      throw new NodemailerBridgeError(
        'MB_NODEMAILER_CLOSED',
        'api-misuse',
        'The transport is closed; create another one.',
      );
    }
    const { mode = 'send' } = this.#options;
    const data = mail.data as NodemailerMessage;
    const { message, parts } = await this.#compose(mail);
    const own = messageOptionsOf(data);
    const options = withDsn(
      { ...this.#options.options, ...own, delivery: { ...this.#options.options?.delivery, ...own.delivery } },
      data,
      parts,
    );
    const signal = data.signal instanceof AbortSignal ? { signal: data.signal } : {};
    const { broker } = this.#options;
    let info: ReturnType<typeof sentInfo>;
    if (mode === 'queue') {
      const { requireTls, delivery, ...rest } = options;
      const result = await broker.enqueue(message, {
        ...rest,
        ...signal,
        delivery: { ...delivery, ...(requireTls && { requireTls }) },
      } as EnqueueOptions);
      info = sentInfo(parts, result.recipients, result);
    } else {
      info = sentInfo(parts, await broker.send(message, { ...sendOptionsOf(options), ...signal }));
    }
    if (info instanceof Error) throw info;
    return info;
  }

  async #compose({
    data,
    message,
  }: TransportMail): Promise<{ message: Message | ReadyMessage; parts: SentParts }> {
    const { from, to } = message.getEnvelope() as { from: string | false; to: string[] };
    const envelope = { from: from || '', to: [...to] };
    const parts = { envelope, messageId: String(message.messageId()) };
    if (to.length === 0) {
      throw Object.assign(messageError('to', 'has no recipient.'), { code: 'EENVELOPE', command: 'API' });
    }
    if (this.#options.composer !== 'mb') {
      const raw = message.createReadStream() as AsyncIterable<Uint8Array>;
      return { message: { raw, envelope, addresses: 'as-received' }, parts };
    }
    const converted = await fromNodemailer(withTransportFields(data), { unknownOptions: 'ignore', urls: {} });
    if ('raw' in converted && converted.raw !== undefined)
      return { message: { ...converted, envelope }, parts };
    const { messageId } = converted as Message;
    return { message: { ...converted, messageId: messageId ?? parts.messageId, envelope } as Message, parts };
  }

  async #verify(): Promise<true> {
    const { broker, mode = 'send', verifyFrom } = this.#options;
    if (mode === 'queue') {
      if (!broker.health) throw unverified('the broker has no health().');
      await broker.health();
      return true;
    }
    const from = verifyFrom ?? this.mailer?._defaults?.from;
    if (from === undefined || !broker.explain) {
      throw unverified('the author is not known. Give verifyFrom, or createTransport(transport, { from }).');
    }
    const probe = await fromNodemailer({ from, to: from, text: 'x' });
    const { deliveries } = await broker.explain(probe);
    const failure = deliveries.map((delivery) => delivery.failure).find((each) => each !== undefined);
    if (failure) throw unverified(failure.reason);
    return true;
  }
}

function unverified(reason: string): NodemailerBridgeError {
  return new NodemailerBridgeError(
    'MB_NODEMAILER_VERIFY',
    'network',
    `The transport cannot be verified: ${reason}`,
    {
      retryable: true,
    },
  );
}

/** Adds to the message what nodemailer passes to the transport separately. */
function withTransportFields(data: NodemailerMessage): NodemailerMessage {
  const { mb: _, signal: __, dsn: ___, requireTLSExtensionEnabled: ____, envelope: _____, ...rest } = data;
  return rest;
}

/** @throws {NodemailerBridgeError} MB_NODEMAILER_MESSAGE */
function messageOptionsOf({ mb }: NodemailerMessage): MbMessageOptions {
  if (mb === undefined || mb === null) return {};
  if (typeof mb !== 'object' || Array.isArray(mb))
    throw messageError('mb', 'must be an object with options of the broker.');
  return mb as MbMessageOptions;
}

/** Applies nodemailer's `dsn` and `requireTLSExtensionEnabled`. */
function withDsn(
  options: MbMessageOptions,
  data: NodemailerMessage,
  { envelope }: SentParts,
): MbMessageOptions {
  const requireTls = data.requireTLSExtensionEnabled === true ? { requireTls: true } : {};
  const { dsn } = data as { dsn?: Record<string, unknown> };
  if (typeof dsn !== 'object' || dsn === null) return { ...options, ...requireTls };
  const ret = retOf(dsn.ret || dsn.return);
  const envid = envidOf(dsn.envid || dsn.id);
  const orcpt = dsn.orcpt ?? dsn.recipient;
  const notify = notifyOf(dsn.notify);
  const named = orcpt === undefined || orcpt === null ? undefined : String(orcpt);
  return {
    ...options,
    ...requireTls,
    delivery: {
      ...options.delivery,
      ...(ret !== undefined && { ret }),
      ...(envid !== undefined && { envid }),
      ...(notify !== undefined && { notify }),
      ...(named !== undefined && {
        recipients: Object.fromEntries(
          envelope.to.map((address) => [address, { orcpt: named.includes(';') ? named : `rfc822;${named}` }]),
        ),
      }),
    },
  };
}

/** @throws {NodemailerBridgeError} MB_NODEMAILER_MESSAGE */
function retOf(option: unknown): 'full' | 'headers' | undefined {
  if (!option) return undefined;
  const word = String(option).toLowerCase();
  if (word === 'full' || word === 'body') return 'full';
  if (word === 'hdrs' || word === 'headers') return 'headers';
  throw messageError('dsn.ret', 'must be FULL or HDRS (RFC 3461 §4.3).');
}

/** @throws {NodemailerBridgeError} MB_NODEMAILER_MESSAGE */
function envidOf(option: unknown): string | undefined {
  if (!option) return undefined;
  if (typeof option === 'string' || typeof option === 'number') return String(option);
  throw messageError('dsn.envid', 'must be a string (RFC 3461 §4.4).');
}

/** @throws {NodemailerBridgeError} MB_NODEMAILER_MESSAGE */
function notifyOf(option: unknown): Notify | undefined {
  if (option === undefined || option === null) return undefined;
  const words = [option]
    .flat()
    .flatMap((each) =>
      String(each)
        .toLowerCase()
        .split(/[\s,]+/),
    )
    .filter(Boolean);
  if (words.length === 1 && words[0] === 'never') return 'never';
  const known = ['success', 'failure', 'delay'] as const;
  const wrong = words.find((each) => !known.includes(each as never));
  if (wrong !== undefined || words.length === 0) {
    throw messageError('dsn.notify', 'must be NEVER, or any of SUCCESS, FAILURE and DELAY (RFC 3461 §4.1).');
  }
  return words as (typeof known)[number][];
}

/** Options of `enqueue()` that apply to one attempt; the others are about the queue. */
function sendOptionsOf({ tenant, tag, requireTls, delivery = {} }: MbMessageOptions): SendOptions {
  const { notify, ret, envid, recipients } = delivery;
  const dsn = {
    ...(notify !== undefined && { notify }),
    ...(ret !== undefined && { ret }),
    ...(envid !== undefined && { envid }),
    ...(recipients !== undefined && { recipients }),
  };
  return {
    ...(tenant !== undefined && { tenant }),
    ...(tag !== undefined && { tag }),
    ...((requireTls || delivery.requireTls) && { requireTls: true }),
    ...(Object.keys(dsn).length > 0 && { dsn }),
  };
}
