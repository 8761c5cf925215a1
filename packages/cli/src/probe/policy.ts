import { isIP } from 'node:net';
import {
  fetchMtaStsPolicy,
  findMailRoute,
  lookupMtaSts,
  lookupTlsa,
  type MailHost,
  matchesMtaSts,
  matchTlsa,
  type Resolver,
} from '@mb/dns';
import type { TlsEvidence } from '@mb/smtp-client';

/** Whether a sender that follows one policy would deliver. */
export interface PolicyVerdict {
  readonly policy: 'opportunistic' | 'pkix' | 'mta-sts' | 'dane';
  /** `none` when there is no such policy. */
  readonly verdict: 'accepts' | 'refuses' | 'none' | 'unsure';
  /** One sentence. */
  readonly reason: string;
}

/** A host whose policies are judged. */
export interface ProbedHost {
  readonly host: string;
  readonly port: number;
  /** The domain whose mail it takes. */
  readonly domain: string;
  readonly tls: TlsEvidence;
  /** Networks that are allowed although their addresses are not public. */
  readonly allowAddresses: readonly string[] | undefined;
  /** Certificates in DER, the host's own first. */
  readonly chain: readonly Uint8Array[];
}

/**
 * Judges a host by the policies that a sender may follow: opportunistic TLS (RFC 7435), PKIX, RFC 8461 and RFC 7672.
 */
export async function judgePolicies(probed: ProbedHost, resolver: Resolver): Promise<PolicyVerdict[]> {
  return [
    judgeOpportunistic(probed),
    judgePkix(probed),
    await judgeMtaSts(probed, resolver),
    await judgeDane(probed, resolver),
  ];
}

function isLiteral(domain: string): boolean {
  return domain.startsWith('[') || isIP(domain) !== 0;
}

function judgeOpportunistic({ tls }: ProbedHost): PolicyVerdict {
  const policy = 'opportunistic';
  if (tls.secure)
    return { policy, verdict: 'accepts', reason: `Mail travels inside ${tls.protocol ?? 'TLS'}.` };
  const why = tls.error ?? 'STARTTLS is not offered.';
  return { policy, verdict: 'accepts', reason: `Mail travels in clear text: ${why}` };
}

function judgePkix({ tls, host }: ProbedHost): PolicyVerdict {
  const policy = 'pkix';
  if (!tls.secure) return { policy, verdict: 'refuses', reason: 'The host offers no TLS.' };
  if (tls.verifiedBy === 'pkix') {
    return {
      policy,
      verdict: 'accepts',
      reason: `A trusted authority issued the certificate, and it is for ${host}.`,
    };
  }
  return { policy, verdict: 'refuses', reason: `The certificate is not accepted for ${host}: ${tls.error}.` };
}

async function judgeMtaSts(probed: ProbedHost, resolver: Resolver): Promise<PolicyVerdict> {
  const policy = 'mta-sts';
  const { domain, host } = probed;
  if (isLiteral(domain))
    return { policy, verdict: 'none', reason: 'An address has no policy; give --domain.' };
  const record = await lookupMtaSts(domain, resolver);
  if (record.status === 'temporary') return { policy, verdict: 'unsure', reason: record.reason };
  if (record.status === 'none')
    return { policy, verdict: 'none', reason: `${domain} has no MTA-STS record.` };
  const fetched = await fetchMtaStsPolicy(domain, resolver, {
    ...(probed.allowAddresses && { allowAddresses: probed.allowAddresses }),
  });
  if (fetched.status === 'failed') return { policy, verdict: 'unsure', reason: fetched.reason };
  const { mode } = fetched.policy;
  if (mode === 'none') return { policy, verdict: 'none', reason: `The policy of ${domain} has mode none.` };
  if (!matchesMtaSts(fetched.policy, host)) {
    return { policy, verdict: 'refuses', reason: `The policy of ${domain} (${mode}) does not name ${host}.` };
  }
  const { verdict, reason } = judgePkix(probed);
  return { policy, verdict, reason: `The policy of ${domain} (${mode}) names ${host}. ${reason}` };
}

async function judgeDane(
  { domain, host, port, chain, tls }: ProbedHost,
  resolver: Resolver,
): Promise<PolicyVerdict> {
  const policy = 'dane';
  if (isLiteral(domain))
    return { policy, verdict: 'none', reason: 'An address has no TLSA records; give --domain.' };
  // No connection is made by this route, so all addresses are allowed.
  const route = await findMailRoute(domain, resolver, { allowAddresses: ['0.0.0.0/0', '::/0'] });
  if (route.status !== 'found') return { policy, verdict: 'unsure', reason: route.reason };
  const known: MailHost | undefined = route.hosts.find(
    ({ name }) => name.toLowerCase() === host.toLowerCase(),
  );
  if (known === undefined)
    return { policy, verdict: 'none', reason: `${host} is not a mail exchanger of ${domain}.` };
  const tlsa = await lookupTlsa({ host: known, routeAuthentic: route.authentic, domain }, resolver, { port });
  if (tlsa.status === 'none') return { policy, verdict: 'none', reason: tlsa.reason };
  if (tlsa.status === 'temporary') return { policy, verdict: 'refuses', reason: tlsa.reason };
  if (!tls.secure)
    return { policy, verdict: 'refuses', reason: 'There are TLSA records, but the host offers no TLS.' };
  if (tlsa.status === 'unusable') {
    return {
      policy,
      verdict: 'accepts',
      reason: `${tlsa.reason} TLS is required; the certificate is not checked.`,
    };
  }
  const match = matchTlsa(tlsa.records, { chain, referenceNames: tlsa.referenceNames, now: Date.now() });
  if (!match.matched) return { policy, verdict: 'refuses', reason: match.reason };
  const { usage, selector, matchingType } = match.record;
  return {
    policy,
    verdict: 'accepts',
    reason: `The TLSA record ${usage} ${selector} ${matchingType} matches.`,
  };
}
