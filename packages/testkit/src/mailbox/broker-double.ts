import { optionError } from '../errors.ts';
import {
  group,
  matching,
  type OptionTable,
  readOptions,
  record,
  required,
  text,
  word,
} from '../option-table.ts';
import { MessageStore, type WaitOptions } from './message-store.ts';
import { type ReceivedMessage, readReceived, receivedMessage } from './received-message.ts';

/** The outcome of a recipient that is not delivered. */
export interface DoubleOutcome {
  readonly status: 'failed' | 'deferred' | 'unknown';
  /** Default: 5.1.1 for failed, 4.3.0 otherwise. */
  readonly enhanced?: string | undefined;
  readonly reason?: string | undefined;
}

/** How the double differs from a broker that delivers all mail. */
export interface BrokerDoubleScript {
  /** Outcomes by lower-case address. */
  readonly recipients?: Readonly<Record<string, DoubleOutcome>> | undefined;
  /** Error thrown by `send()`, `sendTo()`, `sendMany()` and `enqueue()`, as if the store were unreachable. */
  readonly throws?: Error | undefined;
}

/** The checks of `BrokerDoubleScript`. */
export const brokerDoubleScript = {
  recipients: record(
    group<DoubleOutcome>({
      status: required(word(['failed', 'deferred', 'unknown'])),
      enhanced: text(),
      reason: text(),
    }),
  ),
  throws: matching<Error>('an Error', (value) => value instanceof Error),
} satisfies OptionTable<BrokerDoubleScript>;

/** A call of the double, with the message and the options as given. */
export interface DoubleCall {
  readonly method: 'send' | 'sendTo' | 'enqueue';
  // biome-ignore lint/suspicious/noExplicitAny: the test kit imports no layer, so it does not know the type of a message.
  readonly message: any;
  // biome-ignore lint/suspicious/noExplicitAny: likewise.
  readonly options: any;
}

/**
 * Replaces a `MailBroker` in unit tests, without sockets, DNS and files. It records all messages, and immediately
 * reports them as delivered or queued.
 */
export interface BrokerDouble {
  /** The broker for the code under test. Its type is `any`, so that it can be assigned to any broker type. */
  // biome-ignore lint/suspicious/noExplicitAny: the test kit imports no layer, and a broker has more methods.
  readonly broker: any;
  readonly messages: readonly ReceivedMessage[];
  readonly calls: readonly DoubleCall[];
  /**
   * Resolves to the first matching message, also if it has yet to arrive.
   *
   * @throws {TestkitError} MB_TESTKIT_WAIT after `timeoutMs`, 5,000 by default.
   */
  waitForMessage(options?: WaitOptions): Promise<ReceivedMessage>;
  /** Removes all messages, calls and idempotency keys. */
  clear(): void;
  /** Replaces the script for later calls. */
  setScript(script: BrokerDoubleScript): void;
}

/**
 * Creates a double of a broker.
 *
 * @throws {TestkitError} MB_TESTKIT_OPTION for an invalid script.
 * @example
 * const mail = createBrokerDouble();
 * await signUp({ broker: mail.broker, address: 'bob@example.org' });
 * expect((await mail.waitForMessage({ to: 'bob@example.org' })).codes()).toHaveLength(1);
 */
// Long because the object that it returns has all methods of a broker.
export function createBrokerDouble(given: BrokerDoubleScript = {}): BrokerDouble {
  const check = (script: BrokerDoubleScript, where: string): BrokerDoubleScript =>
    readOptions(script, brokerDoubleScript, where);
  const store = new MessageStore();
  const calls: DoubleCall[] = [];
  const keys = new Map<string, string>();
  let current = check(given, 'createBrokerDouble: script');
  let count = 0;
  const keep = async (call: DoubleCall, only?: string) => {
    if (current.throws) throw current.throws;
    const message = await readGiven(call.message, only);
    calls.push(call);
    store.add(message);
    return message;
  };
  const send = async (message: unknown, options: unknown = {}) =>
    (await keep({ method: 'send', message, options })).to.map((address) => outcomeOf(address, current));
  const broker = {
    send,
    async sendTo(message: unknown, recipient: string, options: unknown = {}) {
      await keep({ method: 'sendTo', message, options }, recipient);
      return outcomeOf(recipient.toLowerCase(), current);
    },
    async *sendMany(messages: AsyncIterable<unknown> | Iterable<unknown>, options: unknown = {}) {
      let index = 0;
      for await (const message of messages)
        yield { message, index: index++, outcomes: await send(message, options) };
    },
    async enqueue(
      message: unknown,
      options: { readonly idempotencyKey?: string; readonly tenant?: string } = {},
    ) {
      const { idempotencyKey, tenant = '' } = options;
      const key = idempotencyKey === undefined ? undefined : JSON.stringify([tenant, idempotencyKey]);
      const known = key === undefined ? undefined : keys.get(key);
      const recipients = (addresses: readonly string[]) =>
        addresses.map((recipient) => ({ status: 'queued', recipient }));
      if (known !== undefined) {
        const { to } = await readGiven(message);
        return { id: known, duplicate: true, recipients: recipients(to), warnings: [] };
      }
      const { to } = await keep({ method: 'enqueue', message, options });
      const id = String(++count);
      if (key !== undefined) keys.set(key, id);
      return { id, duplicate: false, recipients: recipients(to), warnings: [] };
    },
    start() {},
    async stop() {},
    async close() {},
    async [Symbol.asyncDispose]() {},
  };
  return {
    broker,
    messages: store.messages,
    calls,
    waitForMessage: (options = {}) => store.wait(options),
    clear() {
      store.clear();
      calls.length = 0;
      keys.clear();
    },
    setScript(next) {
      current = check(next, 'setScript: script');
    },
  };
}

function outcomeOf(recipient: string, { recipients = {} }: BrokerDoubleScript) {
  const base = { recipient, stage: 'content', attempt: 1, maybeDelivered: false, transcript: [] };
  const scripted = Object.hasOwn(recipients, recipient) ? recipients[recipient] : undefined;
  if (!scripted) {
    const reply = { code: 250, enhanced: '2.0.0', lines: ['2.0.0 Taken by a double'] };
    return { ...base, status: 'delivered', host: 'double.test', reply };
  }
  const { status, reason = `The script says ${status}.` } = scripted;
  const enhanced = scripted.enhanced ?? (status === 'failed' ? '5.1.1' : '4.3.0');
  if (status === 'unknown') return { ...base, status, maybeDelivered: true, reason };
  const verdict = {
    category: 'unknown-reason',
    scope: 'recipient',
    action: status === 'failed' ? 'fail' : 'retry',
  };
  return { ...base, ...verdict, status, stage: 'rcpt', enhanced, reason };
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads a message in either form that a broker accepts: an object with fields, or `{ raw, envelope }`. */
async function readGiven(given: unknown, only?: string): Promise<ReceivedMessage> {
  if (typeof given !== 'object' || given === null) throw optionError('A message must be an object.');
  const message = given as Fields;
  if (message.raw !== undefined) {
    const { from, to } = message.envelope as { from: string; to: string[] };
    return readReceived(await octetsOf(message.raw), { from, to: only === undefined ? to : [only] });
  }
  const envelope = (message.envelope ?? {}) as { readonly from?: string; readonly to?: readonly string[] };
  const named =
    only === undefined
      ? (envelope.to ?? ['to', 'cc', 'bcc'].flatMap((key) => addresses(message[key])))
      : [only];
  const to = [...new Set(named.map((address) => address.toLowerCase()))];
  if (to.length === 0) throw optionError('The message has no recipient.');
  return receivedMessage({
    from: envelope.from ?? addresses(message.sender ?? message.from)[0] ?? '',
    to,
    subject: textOf(message.subject),
    text: textOf(message.text),
    html: textOf(message.html),
    headers: headersOf(message.headers),
    attachments: await Promise.all(([message.attachments ?? []].flat() as Fields[]).map(attachmentOf)),
    raw: new Uint8Array(),
  });
}

function addresses(value: unknown): string[] {
  if (value === undefined || value === null || value === '') return [];
  if (Array.isArray(value)) return value.flatMap(addresses);
  if (typeof value === 'string') return [/<([^<>]*)>\s*$/.exec(value)?.[1] ?? value.trim()];
  const { address, members } = value as { readonly address?: string; readonly members?: unknown };
  return members === undefined ? (address === undefined ? [] : [address]) : addresses(members);
}

function headersOf(value: unknown): (readonly [string, string])[] {
  if (Array.isArray(value)) return value as (readonly [string, string])[];
  return Object.entries((value ?? {}) as Fields).flatMap(([name, values]) =>
    [values].flat().map((each) => [name, String(each)] as const),
  );
}

async function attachmentOf(part: Fields) {
  return {
    filename: textOf(part.filename),
    contentType: typeof part.contentType === 'string' ? part.contentType : 'application/octet-stream',
    ...(typeof part.contentId === 'string' && { contentId: part.contentId }),
    disposition:
      part.disposition === 'inline' || (part.contentId && !part.disposition)
        ? ('inline' as const)
        : ('attachment' as const),
    content: await octetsOf(part.content ?? part.part ?? ''),
  };
}

async function octetsOf(content: unknown): Promise<Uint8Array> {
  if (typeof content === 'string') return Buffer.from(content);
  if (content instanceof Uint8Array) return content;
  if (content instanceof ArrayBuffer) return new Uint8Array(content);
  const stream = (typeof content === 'function' ? content() : content) as AsyncIterable<Uint8Array | string>;
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
