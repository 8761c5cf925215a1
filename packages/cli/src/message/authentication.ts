import { type VerifyOutcome, verifyMessage } from '@mb/dkim';
import {
  checkHost,
  type DmarcOutcome,
  evaluateDmarc,
  type Resolver,
  type SpfOutcome,
  toNodeDns,
} from '@mb/dns';
import type { Mailbox, ParsedMessage } from '@mb/mime';

/** The session that a message came by, as far as it is known. */
export interface SessionFacts {
  /** Address of the client. */
  readonly ip: string;
  /** Reverse-path, without angle brackets. */
  readonly sender: string;
  /** What the client said in EHLO. */
  readonly helo: string;
}

/** What receivers find out about who sent a message. */
export interface Authentication {
  readonly dkim: VerifyOutcome;
  /** Absent where the session is not known. */
  readonly spf?: SpfOutcome;
  /** Absent where From does not name one domain. */
  readonly dmarc?: DmarcOutcome;
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
  const domain = authorDomain(message);
  if (domain === undefined) return { dkim, ...(spf && { spf }) };
  const dmarc = await evaluateDmarc(
    {
      domain,
      ...(spf && { spf: { result: spf.result, domain: spf.domain } }),
      dkim: dkim.signatures.flatMap(({ status, domain: signer }) =>
        signer === undefined ? [] : [{ result: status, domain: signer }],
      ),
    },
    resolver,
  );
  return { dkim, ...(spf && { spf }), dmarc };
}

/** The domain of From, where there is one (RFC 9989 §5.3.1). */
export function authorDomain({ from }: ParsedMessage): string | undefined {
  const domains = new Set(mailboxesOf(from).map(({ domain }) => domain.toLowerCase()));
  const [first] = domains;
  return domains.size === 1 && first !== '' ? first : undefined;
}

/** All mailboxes of an address list, those in groups included. */
export function mailboxesOf(list: ParsedMessage['from']): readonly Mailbox[] {
  return list.flatMap((one) => ('members' in one ? one.members : [one]));
}
