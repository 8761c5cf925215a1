import {
  checkHost,
  confirmReverse,
  explainSpf,
  fetchMtaStsPolicy,
  findMailRoute,
  formatSpfTree,
  type HostAddress,
  lintSpf,
  lookupDmarc,
  lookupMtaSts,
  lookupTlsa,
  lookupTlsRpt,
  matchesMtaSts,
  type Resolver,
  type RouteFailure,
} from '@mb/dns';
import { type AllowFlag, allowedAddresses } from '../allow.ts';
import { plural } from '../plural.ts';
import { printableValue } from '../terminal.ts';
import type { LookupReport } from './report.ts';

/** `mb dns mx`: where mail for a domain goes. */
export async function reportMx(domain: string, resolver: Resolver, allow: AllowFlag): Promise<LookupReport> {
  const route = await findMailRoute(domain, resolver, routeOptions(allow));
  if (route.status !== 'found') {
    const lines = [
      `${route.reason} (${route.replyCode} ${route.enhancedCode})`,
      ...skippedLines(route.skipped),
      ...allowHint(route),
    ];
    return { lines, value: route, ending: route.status === 'temporary' ? 'failed' : 'absent' };
  }
  const head = `${route.domain} by ${route.via}${route.authentic ? ', authenticated by DNSSEC' : ''}, for ${route.ttlSeconds} s`;
  const hosts = route.hosts.map(
    ({ name, preference, addresses, authentic }) =>
      `${String(preference).padStart(5)} ${name}${authentic ? ' (DNSSEC)' : ''}  ${listAddresses(addresses)}`,
  );
  return { lines: [head, ...hosts, ...skippedLines(route.skipped)], value: route, ending: 'found' };
}

function listAddresses(addresses: readonly HostAddress[]): string {
  return addresses.map(({ address }) => address).join(' ');
}

/** Hosts that are not used, those with the same reason on one line. */
function skippedLines(skipped: readonly { name: string; reason: string }[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  return Array.from(byReason, ([reason, names]) => `  not used: ${names.join(', ')}: ${reason}`);
}

/** `--allow` as an option of @mb/dns. */
function routeOptions({ allow }: AllowFlag): { readonly allowAddresses?: readonly string[] } {
  return allow === undefined ? {} : { allowAddresses: allowedAddresses(allow) };
}

/** How to use addresses that were refused because they are not public. */
function allowHint({ refusedAddresses = [] }: RouteFailure): string[] {
  const [first] = refusedAddresses;
  return first === undefined
    ? []
    : [`In a private network, allow them with --allow ${first} or --allow NETWORK`];
}

/** `mb dns spf`: the tree of a record and what is wrong with it, or the result for one sender. */
export async function reportSpf(
  domain: string,
  resolver: Resolver,
  sender: { ip?: string; sender?: string; helo?: string },
): Promise<LookupReport> {
  const tree = await explainSpf(domain, resolver);
  const findings = lintSpf(tree);
  const lines = [
    // A line feed in a record must not add a line to the tree.
    ...formatSpfTree(printableValue(tree)).split('\n'),
    ...findings.map(({ severity, message, fix }) => `${severity}: ${message} ${fix}`),
  ];
  if (sender.ip === undefined) {
    const ending = tree.record !== undefined ? 'found' : tree.temporary ? 'failed' : 'absent';
    return { lines, value: { tree, findings }, ending };
  }
  const outcome = await checkHost(
    { ip: sender.ip, sender: sender.sender ?? `postmaster@${domain}`, helo: sender.helo ?? domain },
    resolver,
  );
  const spent = `${plural(outcome.lookups, 'lookup')}, ${outcome.voidLookups} void`;
  lines.push(`${outcome.result}: ${outcome.reason} (${spent})`);
  if (outcome.explanation !== undefined) lines.push(`The domain says: ${outcome.explanation}`);
  const ending = outcome.result === 'pass' ? 'found' : outcome.result === 'temperror' ? 'failed' : 'absent';
  return { lines, value: { tree, findings, outcome }, ending };
}

/** `mb dns dmarc`: the policy for a domain. */
export async function reportDmarc(domain: string, resolver: Resolver): Promise<LookupReport> {
  const found = await lookupDmarc(domain, resolver);
  if (found.status === 'temporary') return { lines: [found.reason], value: found, ending: 'failed' };
  if (found.status === 'none') {
    return {
      lines: [`${found.domain} has no DMARC policy.`, ...found.problems],
      value: found,
      ending: 'absent',
    };
  }
  const { record, policy, policyTag, recordDomain, organizationalDomain } = found;
  const lines = [
    `${policyTag}=${policy} by _dmarc.${recordDomain}${record.testing ? ', in test mode' : ''}; the organisation is ${organizationalDomain}`,
    `alignment: SPF ${record.spfAlignment}, DKIM ${record.dkimAlignment}`,
    `aggregate reports: ${record.aggregateReports.join(', ') || 'none'}`,
    ...found.problems,
  ];
  return { lines, value: found, ending: 'found' };
}

/** `mb dns mta-sts`: the record, the policy, and whether it names each exchanger. */
export async function reportMtaSts(
  domain: string,
  resolver: Resolver,
  allow: AllowFlag,
): Promise<LookupReport> {
  const record = await lookupMtaSts(domain, resolver);
  if (record.status === 'temporary') return { lines: [record.reason], value: { record }, ending: 'failed' };
  if (record.status === 'none') {
    return {
      lines: [`${record.domain} has no MTA-STS record.`, ...record.problems],
      value: { record },
      ending: 'absent',
    };
  }
  const fetched = await fetchMtaStsPolicy(record.domain, resolver, routeOptions(allow));
  if (fetched.status === 'failed') {
    return { lines: [`id ${record.id}`, fetched.reason], value: { record, fetched }, ending: 'failed' };
  }
  const { policy } = fetched;
  const route = await findMailRoute(record.domain, resolver, routeOptions(allow));
  const hosts = route.status === 'found' ? route.hosts.map(({ name }) => name) : [];
  const lines = [
    `id ${record.id}, mode ${policy.mode}, for ${policy.maxAgeSeconds} s`,
    ...policy.mx.map((pattern) => `  mx ${pattern}`),
    ...hosts.map((name) => `${name}: ${matchesMtaSts(policy, name) ? 'named' : 'not named'}`),
    ...fetched.problems,
  ];
  return { lines, value: { record, fetched }, ending: 'found' };
}

/** `mb dns tlsa`: the TLSA records of each mail exchanger of a domain. */
export async function reportTlsa(
  domain: string,
  resolver: Resolver,
  { port, ...allow }: AllowFlag & { readonly port: number },
): Promise<LookupReport> {
  const route = await findMailRoute(domain, resolver, routeOptions(allow));
  if (route.status !== 'found') {
    return {
      lines: [route.reason, ...allowHint(route)],
      value: route,
      ending: route.status === 'temporary' ? 'failed' : 'absent',
    };
  }
  const hosts = await Promise.all(
    route.hosts.map(async (host) => {
      const target = { host, routeAuthentic: route.authentic, domain: route.domain };
      return { host: host.name, tlsa: await lookupTlsa(target, resolver, { port }) };
    }),
  );
  const lines = hosts.flatMap(({ host, tlsa }) => {
    if (tlsa.status !== 'found') return [`${host}: ${tlsa.status}: ${tlsa.reason}`];
    return tlsa.records.map(
      ({ usage, selector, matchingType, data }) =>
        `${host}: ${usage} ${selector} ${matchingType} ${Buffer.from(data).toString('hex')}`,
    );
  });
  const statuses = hosts.map(({ tlsa }) => tlsa.status);
  const ending = statuses.includes('found') ? 'found' : statuses.includes('temporary') ? 'failed' : 'absent';
  return { lines, value: hosts, ending };
}

/** `mb dns ptr`: the names of an address, and whether they resolve to it. */
export async function reportPtr(address: string, resolver: Resolver): Promise<LookupReport> {
  const reverse = await confirmReverse(address, resolver);
  const names = reverse.names.map(
    (name) => `${name}${reverse.confirmedNames.includes(name) ? '' : ' (does not resolve to it)'}`,
  );
  const lines = [
    `${address}: ${reverse.status}`,
    ...names,
    ...(reverse.reason === undefined ? [] : [reverse.reason]),
  ];
  const ending =
    reverse.status === 'confirmed' ? 'found' : reverse.status === 'temporary' ? 'failed' : 'absent';
  return { lines, value: reverse, ending };
}

/** `mb dns tls-rpt`: where reports about TLS go. */
export async function reportTlsRpt(domain: string, resolver: Resolver): Promise<LookupReport> {
  const record = await lookupTlsRpt(domain, resolver);
  if (record.status === 'temporary') return { lines: [record.reason], value: record, ending: 'failed' };
  if (record.status === 'none') {
    return {
      lines: [`${record.domain} has no TLS-RPT record.`, ...record.problems],
      value: record,
      ending: 'absent',
    };
  }
  return { lines: [...record.reportUris, ...record.problems], value: record, ending: 'found' };
}
