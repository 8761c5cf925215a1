import { type MtaStsOutcome, matchesMtaSts, type TlsaLookup } from '@mb/dns';
import type { TlsOptions as ConnectionTls, TlsLevel } from '@mb/smtp-client';

/** What is known about a host before it is dialled. */
export interface HostFacts {
  readonly name: string;
  /** What DANE asks for. */
  readonly tlsa: TlsaLookup;
  /** The MTA-STS policy of the recipients' domain (RFC 8461 §5: not that of the host). */
  readonly mtaSts: MtaStsOutcome;
  /** DNSSEC proved how the host was found. */
  readonly routeAuthentic: boolean;
}

/** What the sender asks for. */
export interface SenderPolicy {
  /** Least that every host must give. */
  readonly minimum: 'opportunistic' | 'required' | 'verified';
  /** The message must not travel in the clear nor to an unproven host (RFC 8689). */
  readonly requireTls: boolean;
}

/** What decided. */
export type SecurityBasis = 'dane' | 'mta-sts' | 'requiretls' | 'configured' | 'opportunistic';

/** How a host must be talked to, or why it must not be now. */
export type HostSecurity =
  | {
      readonly usable: true;
      readonly basis: SecurityBasis;
      readonly tls: Pick<ConnectionTls, 'level' | 'tlsa' | 'alsoNames'>;
      /** The name for SNI and for the certificate. */
      readonly tlsName: string;
      /** One sentence. */
      readonly why: string;
    }
  | {
      readonly usable: false;
      readonly basis: SecurityBasis;
      /** RFC 3463 code for recipients that find no other host. */
      readonly enhanced: string;
      readonly why: string;
      /** Our own resolver failed, so what the host asks for is not known. */
      readonly local?: true;
    };

/**
 * Decides how a host must be talked to: DANE before MTA-STS before the sender's minimum.
 *
 * MTA-STS never rescues what DANE refuses (RFC 8461 §2), and a policy in testing mode changes nothing.
 *
 * @example
 * decideSecurity(facts, { minimum: 'opportunistic', requireTls: false })
 * // { usable: true, basis: 'dane', tls: { level: 'dane', tlsa: […] }, tlsName: 'mx.example.org', why: '…' }
 */
export function decideSecurity(facts: HostFacts, sender: SenderPolicy): HostSecurity {
  const { name, tlsa } = facts;
  if (tlsa.status === 'temporary') {
    const local = tlsa.scope === 'local' && { local: true as const };
    return { usable: false, basis: 'dane', enhanced: '4.7.5', why: `${name}: ${tlsa.reason}`, ...local };
  }
  const enforced = enforcedPolicy(facts.mtaSts);
  const matches = enforced !== undefined && matchesMtaSts(enforced, name);
  if (tlsa.status === 'found') {
    const { records, baseDomain, referenceNames } = tlsa;
    return {
      usable: true,
      basis: 'dane',
      tls: { level: 'dane', tlsa: records, alsoNames: referenceNames },
      tlsName: baseDomain,
      why: `${records.length} usable TLSA record${records.length === 1 ? '' : 's'} at ${baseDomain} (RFC 7672).`,
    };
  }
  // RFC 8461 §4.1: a host that an enforced policy does not name must not be used.
  if (enforced && !matches) {
    const why = `${name} is not among the hosts that the MTA-STS policy of ${facts.mtaSts.domain} allows.`;
    return { usable: false, basis: 'mta-sts', enhanced: '4.7.5', why };
  }
  const verified = verifiedBecause(facts, sender, matches);
  if (verified) return { usable: true, tls: { level: 'verified' }, tlsName: name, ...verified };
  if (sender.requireTls) {
    const why = `REQUIRETLS: neither DNSSEC nor MTA-STS proves that ${name} is the host of the domain (RFC 8689 §4.2.1).`;
    return { usable: false, basis: 'requiretls', enhanced: '5.7.30', why };
  }
  if (tlsa.status === 'unusable') {
    // RFC 7672 §2.2: TLS without authentication is still better than what an attacker would like.
    return { usable: true, basis: 'dane', tls: { level: 'required' }, tlsName: name, why: tlsa.reason };
  }
  if (sender.minimum === 'required') {
    return {
      usable: true,
      basis: 'configured',
      tls: { level: 'required' },
      tlsName: name,
      why: 'tls.minimum asks for TLS.',
    };
  }
  return {
    usable: true,
    basis: 'opportunistic',
    tls: { level: 'opportunistic' },
    tlsName: name,
    why: 'Nothing asks for more than TLS where it works (RFC 7435).',
  };
}

function enforcedPolicy(outcome: MtaStsOutcome) {
  return outcome.status === 'policy' && outcome.policy.mode === 'enforce' ? outcome.policy : undefined;
}

function verifiedBecause(
  { mtaSts, routeAuthentic }: HostFacts,
  { minimum, requireTls }: SenderPolicy,
  matches: boolean,
): { readonly basis: SecurityBasis; readonly why: string } | undefined {
  if (matches)
    return { basis: 'mta-sts', why: `The MTA-STS policy of ${mtaSts.domain} is enforced (RFC 8461).` };
  if (requireTls && routeAuthentic) {
    return { basis: 'requiretls', why: 'REQUIRETLS, and DNSSEC proves the route (RFC 8689 §4.2.1).' };
  }
  if (minimum === 'verified' && !requireTls) {
    return { basis: 'configured', why: 'tls.minimum asks for a certificate of the host.' };
  }
  return undefined;
}

/** What holds for a host that the operator configured, with the security asked for it. */
export function configuredSecurity(host: { readonly name: string }, level: TlsLevel): HostSecurity {
  const why = `The route is configured with TLS ${level}.`;
  return { usable: true, basis: 'configured', tls: { level }, tlsName: host.name, why };
}
