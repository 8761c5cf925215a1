import { type VerifyOutcome, verifyMessage } from '@mb/dkim';
import {
  checkHost,
  type DmarcOutcome,
  evaluateDmarc,
  type Resolver,
  type SpfOutcome,
  toNodeDns,
} from '@mb/dns';
import { type AuthorReading, type ParsedMessage, readAuthor } from '@mb/mime';

/** The session that a message came by, as far as it is known. */
export interface SessionFacts {
  /** Address of the client. */
  readonly ip: string;
  /** Reverse-path, without angle brackets. */
  readonly sender: string;
  /** What the client said in EHLO. */
  readonly helo: string;
}

/** What receivers find out about the sender of a message. */
export interface Authentication {
  readonly dkim: VerifyOutcome;
  /** Absent where the session is not known. */
  readonly spf?: SpfOutcome;
  readonly author: AuthorReading;
  /** Never `pass` where the author is not found; see {@link readAuthor}. */
  readonly dmarc: DmarcOutcome;
}

/** Verifies DKIM, SPF and DMARC of one message. */
export async function authenticate(
  octets: Uint8Array,
  message: ParsedMessage,
  resolver: Resolver,
  session?: SessionFacts,
): Promise<Authentication> {
  const { resolveTxt } = toNodeDns(resolver);
  const [dkim, spf] = await Promise.all([
    verifyMessage(octets, { resolveTxt }),
    session && checkHost(session, resolver),
  ]);
  const author = readAuthor(message);
  const passed = {
    ...(spf && { spf: { result: spf.result, domain: spf.domain } }),
    dkim: dkim.signatures.flatMap(({ status, domain: signer }) =>
      signer === undefined ? [] : [{ result: status, domain: signer }],
    ),
  };
  const dmarc =
    author.status === 'found'
      ? await evaluateDmarc({ domain: author.domain, ...passed }, resolver)
      : await evaluateWithoutAuthor(author, resolver);
  return { dkim, ...(spf && { spf }), author, dmarc };
}

/** RFC 9989 §5.3.1: without one author nothing is aligned, and the message cannot pass. */
async function evaluateWithoutAuthor(
  { reason, detail, mailboxes }: Extract<AuthorReading, { status: 'none' }>,
  resolver: Resolver,
): Promise<DmarcOutcome> {
  // The policy of the domain that most mail programs show still applies to the message.
  const shown = reason === 'ambiguous' && mailboxes.length === 1 ? mailboxes[0]!.domain : null;
  const outcome = await evaluateDmarc({ domain: shown, dkim: [] }, resolver);
  if (outcome.result === 'fail') return { ...outcome, reason: detail };
  return { ...(await evaluateDmarc({ domain: null }, resolver)), reason: detail };
}
