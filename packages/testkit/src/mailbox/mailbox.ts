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
  /** How the host differs from a correct server, for example by refusing a recipient; default not at all. */
  readonly script?: SmtpScript | undefined;
}

/** The checks of `MailboxOptions`. */
export const mailboxOptions = {
  port: integer(0, 65_535),
  script: group<SmtpScript>(scriptOptions),
} satisfies OptionTable<MailboxOptions>;

/** An SMTP host on loopback that accepts mail for all recipients, to test programs that send mail. */
export interface Mailbox extends AsyncDisposable {
  /** The URL of the host, such as `smtp://127.0.0.1:2525`. */
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
  /** All messages so far, in order of arrival. */
  readonly messages: readonly ReceivedMessage[];
  /**
   * Resolves to the first matching message, also if it has yet to arrive.
   *
   * @throws {TestkitError} MB_TESTKIT_WAIT after `timeoutMs`, 5,000 by default; it lists the messages that arrived.
   */
  waitForMessage(options?: WaitOptions): Promise<ReceivedMessage>;
  /** Removes all messages. */
  clear(): void;
  /** Replaces the script for new connections. */
  setScript(script: SmtpScript): void;
  /** Closes the host; received messages stay readable. */
  close(): Promise<void>;
}

/**
 * Starts an SMTP host that receives the mail of a program under test.
 *
 * @throws {TestkitError} MB_TESTKIT_OPTION for invalid options, MB_TESTKIT_LISTEN if it cannot listen.
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

/** Accepts any user and password, by PLAIN or LOGIN. */
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
  // Messages are parsed in order of arrival.
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
