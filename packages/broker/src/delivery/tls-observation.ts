import type { SmtpConnection, SmtpError } from '@mb/smtp-client';
import type { TlsObservation } from '../observer.ts';
import type { SecurityBasis } from '../route/tls-policy.ts';
import type { HostPlan, UsableHostPlan } from './host-plan.ts';

/** RFC 8460 §4.4: policies of DANE and of MTA-STS have types of their own; everything else is "no policy found". */
function policyOf(basis: SecurityBasis): TlsObservation['policy'] {
  if (basis === 'dane') return 'tlsa';
  return basis === 'mta-sts' ? 'sts' : 'no-policy-found';
}

/** How TLS went in a session; undefined when it ended for another reason before TLS was tried. */
export function observeSession(
  { basis, host, nextHop }: UsableHostPlan,
  session: Pick<SmtpConnection, 'tls'> | Pick<SmtpError, 'tls'>,
): TlsObservation | undefined {
  const evidence = session.tls;
  if (!evidence) return undefined;
  const { domain } = nextHop.route;
  const facts = { type: 'tls', domain, host: host.name, policy: policyOf(basis), basis, evidence } as const;
  const { failure } = evidence;
  return failure
    ? { ...facts, result: failure.type, detail: failure.detail }
    : { ...facts, result: 'success' };
}

/** A host that a policy does not permit (RFC 8460 §4.3.2). */
export function observeRefusal(
  domain: string,
  host: string,
  { basis, why }: Extract<HostPlan, { readonly usable: false }>,
): TlsObservation {
  // RFC 8460 §4.3.2.1: TLSA records that are not available with DNSSEC; §4.3.2.2 has no type for a host outside of the
  // policy.
  const result = basis === 'dane' ? 'dnssec-invalid' : 'validation-failure';
  return { type: 'tls', domain, host, policy: policyOf(basis), basis, result, detail: why };
}
