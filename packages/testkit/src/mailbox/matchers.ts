import { TestkitError } from '../errors.ts';
import { describeFilter, describeMessages, type WaitOptions } from './message-store.ts';
import type { ReceivedMessage } from './received-message.ts';

/** The result of a matcher. */
export interface MatcherResult {
  readonly pass: boolean;
  /** Says what was expected and what was found. */
  readonly message: () => string;
}

/** Where the public keys of DKIM signatures are looked up. */
export interface SignatureOptions {
  /** TXT records by name, such as `{ 's1._domainkey.example.com': 'v=DKIM1; …' }`; default the system's DNS. */
  readonly dns?: Readonly<Record<string, string>> | undefined;
}

/** A source of messages: the result of `createMailbox()` or `createBrokerDouble()`. */
export interface MessageSource {
  readonly messages: readonly ReceivedMessage[];
  /** Resolves to the first matching message, also if it has yet to arrive. */
  waitForMessage(options?: WaitOptions): Promise<ReceivedMessage>;
}

/**
 * Matchers for vitest and jest.
 *
 * @example
 * expect.extend(mailMatchers);
 * await expect(mailbox).toHaveReceivedMail({ to: 'bob@example.org', subject: /welcome/i });
 * await expect(mailbox).not.toHaveReceivedMail({ to: 'eve@example.org', timeoutMs: 100 });
 * await expect(message).toBeSignedBy('example.com', { dns: { 's1._domainkey.example.com': record } });
 */
export const mailMatchers = {
  /** Waits for a matching message. With `not`, passes if none arrives within `timeoutMs`. */
  async toHaveReceivedMail(source: MessageSource, options: WaitOptions = {}): Promise<MatcherResult> {
    const { timeoutMs: _, ...filter } = options;
    try {
      const found = await source.waitForMessage(options);
      return {
        pass: true,
        message: () =>
          `Expected no message ${describeFilter(filter)}, and there is one to ${found.to.join(', ')}: ${JSON.stringify(found.subject)}.`,
      };
    } catch (error) {
      if (!TestkitError.isInstance(error) || error.code !== 'MB_TESTKIT_WAIT') throw error;
      return {
        pass: false,
        message: () => `Expected a message ${describeFilter(filter)}. ${describeMessages(source.messages)}`,
      };
    }
  },

  /** Passes if a DKIM signature of the domain verifies. Needs the package `mailauth`. */
  async toBeSignedBy(
    received: ReceivedMessage,
    domain: string,
    { dns }: SignatureOptions = {},
  ): Promise<MatcherResult> {
    const results = await verifySignatures(received.raw, dns);
    const said = results.map(
      ({ signingDomain, selector, status }) =>
        `${signingDomain} (${selector}): ${status.result}${status.comment ? `, ${status.comment}` : ''}`,
    );
    const pass = results.some(
      ({ signingDomain, status }) =>
        signingDomain?.toLowerCase() === domain.toLowerCase() && status.result === 'pass',
    );
    const found = said.length === 0 ? 'It has no signature.' : `It has:\n${said.join('\n')}`;
    return {
      pass,
      message: () => `Expected the message ${pass ? 'not ' : ''}to be signed by ${domain}. ${found}`,
    };
  },
};

interface SignatureResult {
  readonly signingDomain?: string;
  readonly selector?: string;
  readonly status: { readonly result: string; readonly comment?: string };
}

async function verifySignatures(
  raw: Uint8Array,
  records: Readonly<Record<string, string>> | undefined,
): Promise<readonly SignatureResult[]> {
  let mailauth: typeof import('mailauth/lib/dkim/verify.js');
  try {
    mailauth = await import('mailauth/lib/dkim/verify.js');
  } catch (cause) {
    throw new TestkitError('MB_TESTKIT_OPTION', 'toBeSignedBy() needs the package mailauth; install it.', {
      cause,
    });
  }
  const resolver = async (name: string) => {
    const record = records?.[name.replace(/\.$/, '').toLowerCase()];
    if (record !== undefined) return [[record]];
    throw Object.assign(new Error(`no TXT record ${name}`), { code: 'ENOTFOUND' });
  };
  const { results } = await mailauth.dkimVerify(Buffer.from(raw), records ? { resolver } : {});
  // For a message without a signature, mailauth returns one result without a domain.
  return (results as readonly SignatureResult[]).filter(
    ({ signingDomain }) => signingDomain !== undefined && signingDomain !== '',
  );
}
