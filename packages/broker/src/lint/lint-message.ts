import type { Resolver } from '@mb/dns';
import { parseMessage } from '@mb/mime';
import {
  callback,
  flag,
  group,
  type OptionTable,
  readOptions,
  required,
  text,
  withMethods,
} from '../option-table.ts';
import { type Authentication, authenticate, type SessionFacts } from './authentication.ts';
import { checkBody } from './body-checks.ts';
import type { LintFinding } from './finding.ts';
import { checkHeader, checkUnsubscribe } from './header-checks.ts';
import { checkSignatures } from './signature-check.ts';

/** How a message is checked. */
export interface LintOptions {
  /** For DKIM, SPF and DMARC. Default: these are not checked. */
  readonly resolver?: Resolver | undefined;
  /** The session that the message came by, for SPF. */
  readonly session?: SessionFacts | undefined;
  /** True for mail that is not sent in bulk: it needs no unsubscribe link. Default false. */
  readonly transactional?: boolean | undefined;
  /** Epoch milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

const notEmpty = text('a string that is not empty', { pattern: /./s });

/** What `LintOptions` accepts. */
export const lintOptions = {
  resolver: withMethods<Resolver>('query'),
  session: group<SessionFacts>({
    ip: required(notEmpty),
    sender: required(text()),
    helo: required(notEmpty),
  }),
  transactional: flag({ default: false }),
  now: callback<() => number>(),
} satisfies OptionTable<LintOptions>;

/** What was found out about a message. */
export interface LintReport {
  /** In the order of the checks. */
  readonly findings: readonly LintFinding[];
  /** Absent without a resolver. */
  readonly authentication?: Authentication;
}

/**
 * Checks a message against the requirements of large receivers for bulk senders: a signature of the author's domain, a
 * DMARC policy, one-click unsubscribe, valid From, Date and Message-ID, line lengths, size, plain text beside HTML.
 *
 * @param octets  The message as it is sent, or as it was received.
 * @throws {BrokerError} MB_BROKER_OPTION; MimeError as `parseMessage` of @mb/mime.
 * @example
 * const { findings } = await lintMessage(octets, { resolver });
 * for (const { severity, message, fix } of findings) if (severity !== 'ok') console.log(message, fix);
 */
export async function lintMessage(octets: Uint8Array, options: LintOptions = {}): Promise<LintReport> {
  const {
    resolver,
    session,
    transactional,
    now = Date.now,
  } = readOptions<LintOptions, typeof lintOptions>(options, lintOptions, 'lintMessage: options');
  const message = await parseMessage(octets);
  const authentication = resolver && (await authenticate(octets, message, resolver, session));
  const signed = authentication?.dkim.signatures
    .filter(({ status }) => status === 'pass')
    .flatMap(({ signedHeaders }) => signedHeaders);
  const findings = [
    ...(authentication ? checkSignatures(authentication) : []),
    ...checkHeader(message, now()),
    ...(transactional ? [] : [checkUnsubscribe(message.headers, signed)]),
    ...checkBody(octets, message),
  ];
  return { findings, ...(authentication && { authentication }) };
}
