import { findMailRoute, type MailRoute } from '../mail-route.ts';
import { matchesMtaSts } from '../mta-sts/policy.ts';
import { lookupMtaSts } from '../mta-sts/record.ts';
import { lookupTlsRpt } from '../tls-rpt.ts';
import type { DiagnosisContext } from './context.ts';
import type { Finding } from './finding.ts';

const askAgain = 'Ask again; if it stays, repair the DNS servers of the domain.';

/** Checks whether the domain can receive bounces and replies. */
export function checkMx(route: MailRoute, domain: string): Finding {
  const base = { check: 'mx', subject: domain } as const;
  if (route.status === 'found') {
    const evidence = route.hosts.map(
      ({ name, preference, addresses }) =>
        `${preference} ${name} ${addresses.map(({ address }) => address).join(', ')}`,
    );
    if (route.via === 'mx')
      return {
        ...base,
        severity: 'ok',
        message: `${domain} has ${route.hosts.length} usable mail exchanger${route.hosts.length === 1 ? '' : 's'}.`,
        evidence,
      };
    const publish = { name: domain, type: 'MX', value: `10 ${domain}.` } as const;
    return {
      ...base,
      severity: 'warning',
      message: `${domain} has no MX record; some receivers refuse mail from such domains.`,
      evidence,
      fix: 'Publish an MX record that names the host that receives your mail.',
      publish,
    };
  }
  const evidence = route.skipped.map(({ name, reason }) => `${name}: ${reason}`);
  if (route.status === 'temporary')
    return { ...base, severity: 'warning', message: route.reason, evidence, fix: askAgain };
  const fix =
    route.cause === 'null-mx'
      ? 'Send from a domain that accepts mail, so that bounces and replies arrive.'
      : route.refusedAddresses === undefined
        ? 'Publish an MX record that names a host with a public address.'
        : `Publish an MX record that names a host with a public address. Inside a private network, list ${route.refusedAddresses[0]} or its network in allowAddresses (--allow of mb).`;
  return { ...base, severity: 'error', message: route.reason, evidence, fix };
}

/** Checks whether there is an MTA-STS policy, and whether it names the exchangers. */
export async function checkMtaSts(route: MailRoute, context: DiagnosisContext): Promise<Finding> {
  const { domain, resolver, signal, fetchPolicy } = context;
  const base = { check: 'mta-sts', subject: domain } as const;
  const record = await lookupMtaSts(domain, resolver, { signal });
  if (record.status === 'temporary')
    return { ...base, severity: 'warning', message: record.reason, evidence: [], fix: askAgain };
  if (record.status === 'none') {
    const [problem] = record.problems;
    if (problem !== undefined)
      return {
        ...base,
        severity: 'error',
        message: problem,
        evidence: [],
        fix: 'Publish one record of the form v=STSv1; id=20260101T000000.',
      };
    return {
      ...base,
      severity: 'info',
      message: `${domain} has no MTA-STS policy, so mail to it can be intercepted.`,
      evidence: [],
      fix: 'Publish a policy file and the record, in testing mode at first.',
    };
  }
  const evidence = [`_mta-sts.${domain} TXT v=STSv1; id=${record.id}`];
  const fetched = await fetchPolicy(domain, signal);
  if (fetched.status === 'failed') {
    const fix = `Serve the policy at https://mta-sts.${domain}/.well-known/mta-sts.txt with a valid certificate, as text/plain and without redirect.`;
    return { ...base, severity: 'error', message: fetched.reason, evidence, fix };
  }
  const { policy } = fetched;
  evidence.push(`mode ${policy.mode}, mx ${policy.mx.join(', ')}, max_age ${policy.maxAgeSeconds}`);
  const hosts = route.status === 'found' ? route.hosts.map(({ name }) => name) : [];
  const missing = policy.mode === 'none' ? [] : hosts.filter((name) => !matchesMtaSts(policy, name));
  if (missing.length > 0) {
    const severity = policy.mode === 'enforce' ? 'error' : 'warning';
    return {
      ...base,
      severity,
      message: `The policy does not name ${missing.join(', ')}; senders will not deliver there.`,
      evidence,
      fix: 'Add the names to the policy, and change the id of the record.',
    };
  }
  return {
    ...base,
    severity: 'ok',
    message: `The MTA-STS policy (${policy.mode}) names all mail exchangers.`,
    evidence,
  };
}

/** Checks whether the domain asks for TLS reports. */
export async function checkTlsRpt({ domain, resolver, signal }: DiagnosisContext): Promise<Finding> {
  const base = { check: 'tls-rpt', subject: domain } as const;
  const record = await lookupTlsRpt(domain, resolver, { signal });
  const publish = {
    name: `_smtp._tls.${domain}`,
    type: 'TXT',
    value: `v=TLSRPTv1; rua=mailto:tls-reports@${domain}`,
  } as const;
  if (record.status === 'temporary')
    return { ...base, severity: 'warning', message: record.reason, evidence: [], fix: askAgain };
  if (record.status === 'found') {
    return {
      ...base,
      severity: 'ok',
      message: 'A TLS-RPT record asks for reports about failed TLS.',
      evidence: [`_smtp._tls.${domain} rua=${record.reportUris.join(',')}`],
    };
  }
  const [problem] = record.problems;
  if (problem !== undefined)
    return {
      ...base,
      severity: 'warning',
      message: problem,
      evidence: [],
      fix: 'Correct the record.',
      publish,
    };
  return {
    ...base,
    severity: 'info',
    message: 'No TLS-RPT record asks for reports about failed TLS.',
    evidence: [],
    fix: 'Publish a TLS-RPT record.',
    publish,
  };
}

/** Finds the route of mail to the domain, which several checks use. */
export function findOwnRoute({
  domain,
  resolver,
  signal,
  allowAddresses,
}: DiagnosisContext): Promise<MailRoute> {
  return findMailRoute(domain, resolver, {
    signal,
    ...(allowAddresses === undefined ? {} : { allowAddresses }),
  });
}
