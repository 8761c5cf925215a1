import { isIP } from 'node:net';
import type { ConnectProbe } from './diagnosis/connect-probe.ts';
import { type DiagnosisContext, type DkimSelector, dkimSelector } from './diagnosis/context.ts';
import { checkDkim } from './diagnosis/dkim.ts';
import { checkDmarc } from './diagnosis/dmarc.ts';
import { checkEgress, connectProbe } from './diagnosis/egress.ts';
import type { Finding } from './diagnosis/finding.ts';
import { checkMtaSts, checkMx, checkTlsRpt, findOwnRoute } from './diagnosis/inbound.ts';
import { checkHelo, checkPtr } from './diagnosis/names.ts';
import { checkSpf } from './diagnosis/spf.ts';
import { normalizeDomain } from './domain.ts';
import { DnsError, throwIfAborted } from './errors.ts';
import { fetchMtaStsPolicy, type MtaStsFetch } from './mta-sts/fetch.ts';
import {
  callback,
  either,
  group,
  list,
  literal,
  type OptionTable,
  readOptions,
  required,
  signal,
  text,
} from './option-table.ts';
import { printable } from './printable.ts';
import { checkResolver, type Resolver } from './resolver.ts';

/** The sender to diagnose. */
export interface DiagnosisOptions {
  /** The domain of the From field. */
  readonly domain: string;
  /** Addresses that mail leaves from. */
  readonly addresses?: readonly string[] | undefined;
  /** The name in HELO or EHLO. */
  readonly helo?: string | undefined;
  /** The domain of MAIL FROM. Default: `domain`. */
  readonly mailFrom?: string | undefined;
  /** DKIM selectors with their private keys. */
  readonly dkim?: readonly DkimSelector[] | undefined;
  /** How to test port 25; false skips the test. */
  readonly probe?: DiagnosisProbe | false | undefined;
  /** CIDR blocks to allow although they are not public; see `findMailRoute`. */
  readonly allowAddresses?: readonly string[] | undefined;
  /** Fetches the MTA-STS policy. Default: `fetchMtaStsPolicy`. */
  readonly fetchPolicy?:
    | ((domain: string, signal: AbortSignal | undefined) => Promise<MtaStsFetch>)
    | undefined;
  /** Ends the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** How to test port 25. */
export interface DiagnosisProbe {
  /**
   * Domains whose mail exchangers are tested. Default: the domain itself, unless its exchangers are the sending
   * addresses.
   */
  readonly domains?: readonly string[] | undefined;
  /** Connects to an exchanger. Default: TCP. */
  readonly connect?: ConnectProbe | undefined;
}

/** What {@link DiagnosisProbe} accepts. */
export const diagnosisProbe = {
  domains: list(text('a domain')),
  connect: callback<ConnectProbe>(),
} satisfies OptionTable<DiagnosisProbe>;

/** What {@link DiagnosisOptions} accepts. */
export const diagnosisOptions = {
  domain: required(text('a domain')),
  addresses: list(text('an IP address')),
  helo: text('a host name'),
  mailFrom: text('a domain'),
  dkim: list(group<DkimSelector>(dkimSelector)),
  probe: either(group<DiagnosisProbe>(diagnosisProbe), literal(false)),
  allowAddresses: list(text('a CIDR block')),
  fetchPolicy: callback(),
  signal: signal(),
} satisfies OptionTable<DiagnosisOptions>;

/**
 * Checks whether receivers will trust a sender, and says what to change: reverse names, HELO, SPF, DKIM,
 * DMARC, MX, MTA-STS, TLS-RPT and whether port 25 is open.
 *
 * @returns The findings, each with evidence and, if something is wrong, a fix.
 * @throws {DnsError} MB_DNS_NAME_INVALID when `domain` is not a domain, MB_DNS_ADDRESS_INVALID,
 *   MB_DNS_ABORTED, MB_DNS_OPTION.
 * @example
 * const findings = await diagnoseSender(
 *   { domain: 'example.org', addresses: ['192.0.2.1'], helo: 'mail.example.org' },
 *   createResolver(),
 * );
 * for (const { severity, message, fix } of findings) console.log(severity, message, fix ?? '');
 */
export async function diagnoseSender(given: DiagnosisOptions, resolver: Resolver): Promise<Finding[]> {
  const options = readOptions(given, diagnosisOptions, 'diagnoseSender: options');
  checkResolver(resolver, 'diagnoseSender');
  const context = readContext(options, resolver);
  throwIfAborted(context.signal);
  const route = findOwnRoute(context);
  const groups = await Promise.all([
    Promise.all(context.addresses.map((address) => checkPtr(address, context))),
    checkHelo(context),
    checkSpf(context),
    Promise.all(context.dkim.map((selector) => checkDkim(selector, context))),
    checkDmarc(context),
    route.then((found) => [checkMx(found, context.domain)]),
    route.then(async (found) => [await checkMtaSts(found, context)]),
    checkTlsRpt(context).then((finding) => [finding]),
    route.then(async (found) => (options.probe === false ? [] : [await checkEgress(found, context)])),
  ]);
  throwIfAborted(context.signal);
  return groups.flat();
}

function readContext(options: DiagnosisOptions, resolver: Resolver): DiagnosisContext {
  const probe = options.probe === false ? {} : (options.probe ?? {});
  const domain = requireDomain(options.domain);
  const addresses = options.addresses ?? [];
  for (const address of addresses) {
    if (!isIP(address) || address.includes('%'))
      throw new DnsError('MB_DNS_ADDRESS_INVALID', `${printable(address)} is not an IP address.`);
  }
  const { allowAddresses } = options;
  return {
    domain,
    addresses,
    helo: options.helo,
    mailFrom: options.mailFrom === undefined ? domain : requireDomain(options.mailFrom),
    dkim: options.dkim ?? [],
    resolver,
    fetchPolicy:
      options.fetchPolicy ??
      ((name, signal) =>
        fetchMtaStsPolicy(name, resolver, {
          signal,
          ...(allowAddresses === undefined ? {} : { allowAddresses }),
        })),
    connect: probe.connect ?? connectProbe,
    probeTargets: probe.domains,
    allowAddresses,
    signal: options.signal,
  };
}

function requireDomain(text: string): string {
  const domain = normalizeDomain(text);
  if (domain === undefined || !domain.includes('.')) {
    throw new DnsError('MB_DNS_NAME_INVALID', `${printable(text)} is not a domain that can send mail.`);
  }
  return domain;
}
