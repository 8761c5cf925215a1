import { isIP } from 'node:net';
import type { DiagnosisContext, DkimSelector } from './diagnosis/context.ts';
import { checkDkim } from './diagnosis/dkim.ts';
import { checkDmarc } from './diagnosis/dmarc.ts';
import { type ConnectProbe, checkEgress, connectProbe } from './diagnosis/egress.ts';
import type { Finding } from './diagnosis/finding.ts';
import { checkMtaSts, checkMx, checkTlsRpt, findOwnRoute } from './diagnosis/inbound.ts';
import { checkHelo, checkPtr } from './diagnosis/names.ts';
import { checkSpf } from './diagnosis/spf.ts';
import { normalizeDomain } from './domain.ts';
import { DnsError, throwIfAborted } from './errors.ts';
import { fetchMtaStsPolicy, type MtaStsFetch } from './mta-sts/fetch.ts';
import { rejectUnknownOptions } from './options.ts';
import type { Resolver } from './resolver.ts';

/** Who sends, and from where. */
export interface DiagnosisOptions {
  /** The domain of the From field. */
  readonly domain: string;
  /** Addresses that mail leaves from. */
  readonly addresses?: readonly string[];
  /** The name said in HELO or EHLO. */
  readonly helo?: string;
  /** The domain of MAIL FROM. Default: `domain`. */
  readonly mailFrom?: string;
  /** DKIM selectors, and the keys that sign with them. */
  readonly dkim?: readonly DkimSelector[];
  /** How port 25 is tried; see `DiagnosisProbe`. False: not at all. */
  readonly probe?: DiagnosisProbe | false;
  /** Fetches the MTA-STS policy. Default: `fetchMtaStsPolicy`. */
  readonly fetchPolicy?: (domain: string, signal: AbortSignal | undefined) => Promise<MtaStsFetch>;
  /** Ends the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** How port 25 is tried. */
export interface DiagnosisProbe {
  /** Domains whose mail exchangers are tried. Default: the domain's own, unless they are the sending addresses. */
  readonly domains?: readonly string[];
  /** CIDR blocks that are open although they are not public; see `findMailRoute`. */
  readonly allowAddresses?: readonly string[];
  /** Default: real sockets. */
  readonly connect?: ConnectProbe;
}

const optionNames = ['domain', 'addresses', 'helo', 'mailFrom', 'dkim', 'probe', 'fetchPolicy', 'signal'];

/**
 * Tells a sender whether receivers will believe it, and what to change: reverse names, HELO, SPF, DKIM,
 * DMARC, MX, MTA-STS, TLS-RPT and whether port 25 is open.
 *
 * @returns the findings, each with what was seen and, where something is wrong, what to do.
 * @throws {DnsError} MB_DNS_NAME_INVALID when `domain` is no domain, MB_DNS_ADDRESS_INVALID,
 *   MB_DNS_ABORTED, MB_DNS_OPTION_UNKNOWN.
 * @example
 * const findings = await diagnoseSender(
 *   { domain: 'example.org', addresses: ['192.0.2.1'], helo: 'mail.example.org' },
 *   createResolver(),
 * );
 * for (const { severity, message, fix } of findings) console.log(severity, message, fix ?? '');
 */
export async function diagnoseSender(options: DiagnosisOptions, resolver: Resolver): Promise<Finding[]> {
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
  rejectUnknownOptions(options, optionNames, 'diagnoseSender');
  const probe = options.probe === false ? {} : (options.probe ?? {});
  rejectUnknownOptions(probe, ['domains', 'allowAddresses', 'connect'], 'probe');
  const domain = requireDomain(options.domain);
  const addresses = options.addresses ?? [];
  for (const address of addresses) {
    if (!isIP(address))
      throw new DnsError('MB_DNS_ADDRESS_INVALID', `"${address.slice(0, 80)}" is not an IP address.`);
  }
  const { allowAddresses } = probe;
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
    throw new DnsError('MB_DNS_NAME_INVALID', `"${text.slice(0, 80)}" is not a domain that can send mail.`);
  }
  return domain;
}
