import { group, integer, type OptionTable, readOptions } from '../option-table.ts';
import { type SmtpHost, startSmtpHost } from '../smtp/host.ts';
import type { Answer } from '../smtp/reply.ts';
import { type AuthExchange, type SmtpScript, scriptOptions } from '../smtp/script.ts';
import { MessageStore, type WaitOptions } from './message-store.ts';
import { type ReceivedMessage, readReceived } from './received-message.ts';

/** Options of {@link createMailbox}. */
export interface MailboxOptions {
  /** Default 0, a free port. */
  readonly port?: number | undefined;
  /** What the host does differently from a good server, such as refusing a recipient; default nothing. */
  readonly script?: SmtpScript | undefined;
}

/** What `MailboxOptions` accepts. */
export const mailboxOptions = {
  port: integer(0, 65_535),
  script: group<SmtpScript>(scriptOptions),
} satisfies OptionTable<MailboxOptions>;

/** A host on loopback that takes mail for all recipients, for tests of programs that send mail. */
export interface Mailbox extends AsyncDisposable {
  /** For programs that take a URL: `smtp://127.0.0.1:2525`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** For a broker: `new MailBroker({ hostname, delivery: { routes: mailbox.routes } })` sends all mail here. */
  readonly routes: {
    readonly '*': {
      readonly type: 'smarthost';
      readonly host: string;
      readonly port: number;
      readonly tls: 'none';
    };
  };
  /** All messages so far, in the order in which they came. */
  readonly messages: readonly ReceivedMessage[];
  /**
   * The first message that fits, as soon as it is there.
   *
   * @throws {TestkitError} MB_TESTKIT_WAIT after `timeoutMs` (5,000), with what came instead.
   */
  waitForMessage(options?: WaitOptions): Promise<ReceivedMessage>;
  /** Forgets all messages. */
  clear(): void;
  /** Changes what the host does, for connections from now on. */
  setScript(script: SmtpScript): void;
  /** Ends the host; messages that have arrived stay readable. */
  close(): Promise<void>;
}

/**
 * Starts a host that receives what a program sends.
 *
 * @throws {TestkitError} MB_TESTKIT_OPTION, MB_TESTKIT_LISTEN
 * @example
 * await using mailbox = await createMailbox();
 * await requestPasswordReset('bob@example.org'); // a program that sends to mailbox.url
 * const [link] = (await mailbox.waitForMessage({ to: 'bob@example.org', subject: /reset/i })).links();
 */
export async function createMailbox(given: MailboxOptions = {}): Promise<Mailbox> {
  const options: MailboxOptions = readOptions(given, mailboxOptions, 'createMailbox: options');
  const host = await startSmtpHost({ ...options, hostname: 'mailbox.test', auth: { exchange: takeAnyone } });
  return watch(host);
}

/** Any user with any password, by PLAIN or LOGIN. */
async function takeAnyone({ mechanism, initial, challenge }: AuthExchange): Promise<Answer> {
  const steps = mechanism === 'LOGIN' ? ['Username:', 'Password:'] : [''];
  for (const step of initial === undefined ? steps : steps.slice(1)) {
    if ((await challenge(step)) === '*') return '501 5.7.0 Authentication cancelled';
  }
  return 235;
}

function watch(host: SmtpHost): Mailbox {
  const store = new MessageStore();
  let reading = Promise.resolve();
  // Read in the order in which they came.
  host.onMessage((transaction) => {
    const to = transaction.recipients.filter(({ code }) => code < 300).map(({ address }) => address);
    reading = reading.then(async () =>
      store.add(await readReceived(transaction.content, { from: transaction.from, to })),
    );
  });
  return {
    url: `smtp://${host.address}:${host.port}`,
    host: host.address,
    port: host.port,
    routes: { '*': { type: 'smarthost', host: `[${host.address}]`, port: host.port, tls: 'none' } },
    messages: store.messages,
    waitForMessage: (wait = {}) => store.wait(wait),
    clear: () => store.clear(),
    setScript: (script) => host.setScript(script),
    close: () => host.close(),
    [Symbol.asyncDispose]: () => host.close(),
  };
}
