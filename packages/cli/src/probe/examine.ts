import type { Resolver } from '@mb/dns';
import {
  type ConnectOptions,
  connect,
  type SmtpConnection,
  SmtpError,
  type TlsEvidence,
  type TranscriptEntry,
} from '@mb/smtp-client';
import { type CertificateFacts, readCertificates } from './certificate.ts';
import { judgePolicies, type PolicyVerdict } from './policy.ts';

/** What to examine. */
export interface ProbeRequest {
  readonly host: string;
  readonly port: number;
  /** The domain whose mail the host takes. */
  readonly domain: string;
  /** EHLO name. */
  readonly hostname: string;
  /** Addresses to connect to instead of those in DNS. */
  readonly addresses?: readonly string[];
  /** Networks that are allowed for the policies although their addresses are not public. */
  readonly allowAddresses?: readonly string[];
  /** Certificate authorities in PEM instead of the platform's. */
  readonly ca?: string;
  /** Time for each step of a connection, in milliseconds. */
  readonly timeoutMs: number;
}

/** An EHLO keyword with its parameters. */
export interface Offer {
  readonly keyword: string;
  readonly parameters: readonly string[];
}

/** What a host offers and how far it can be trusted. */
export interface ProbeReport {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  /** `address:port` that answered. */
  readonly address?: string;
  readonly reachable: boolean;
  /** Why it is not reachable. */
  readonly error?: { readonly code: string; readonly message: string };
  /** What EHLO offers in clear text, and inside TLS if there is TLS. */
  readonly offers: { readonly clear: readonly Offer[]; readonly tls?: readonly Offer[] };
  readonly tls?: TlsEvidence;
  readonly certificates: readonly CertificateFacts[];
  readonly policies: readonly PolicyVerdict[];
  readonly transcript: readonly TranscriptEntry[];
}

/** Opens sessions with a host without sending mail, and judges what it offers. */
export async function examineHost(request: ProbeRequest, resolver: Resolver): Promise<ProbeReport> {
  const { host, port, domain } = request;
  const known = { host, port, domain };
  let chain: readonly Uint8Array[] = [];
  try {
    const options = await connectOptions(request, resolver);
    const clear = await greet({ ...options, tls: { level: 'none' } });
    const tls = { ...(request.ca === undefined ? {} : { ca: request.ca }) };
    const secured = await greet({ ...options, tls: { ...tls, onCertificates: (given) => (chain = given) } });
    const offers = { clear: readOffers(clear), ...(secured.tls.secure ? { tls: readOffers(secured) } : {}) };
    const policies = await judgePolicies(
      { ...known, tls: secured.tls, chain, allowAddresses: request.allowAddresses },
      resolver,
    );
    const certificates = readCertificates(chain);
    const { address, transcript } = secured;
    return {
      ...known,
      address,
      reachable: true,
      offers,
      tls: secured.tls,
      certificates,
      policies,
      transcript,
    };
  } catch (error) {
    if (!SmtpError.isInstance(error) || ['api-misuse', 'invalid-input'].includes(error.kind)) throw error;
    const { code, message, transcript = [], address } = error;
    const empty = { offers: { clear: [] }, certificates: [], policies: [], transcript };
    return {
      ...known,
      ...(address === undefined ? {} : { address }),
      reachable: false,
      error: { code, message },
      ...empty,
    };
  }
}

async function connectOptions(request: ProbeRequest, resolver: Resolver): Promise<ConnectOptions> {
  const { host, port, hostname, timeoutMs } = request;
  const addresses = request.addresses ?? (await lookupAddresses(host, resolver));
  const timeouts = {
    connectMs: timeoutMs,
    greetingMs: timeoutMs,
    helloMs: timeoutMs,
    handshakeMs: timeoutMs,
  };
  return { host, port, hostname, timeouts, ...(addresses.length > 0 ? { addresses } : {}) };
}

/** Looks up the host's addresses; empty for an address literal. */
async function lookupAddresses(host: string, resolver: Resolver): Promise<string[]> {
  if (/^\[|^[\d.]+$|:/.test(host)) return [];
  const [four, six] = await Promise.all([resolver.query(host, 'A'), resolver.query(host, 'AAAA')]);
  const addresses = [
    ...(four.status === 'found' ? four.records : []),
    ...(six.status === 'found' ? six.records : []),
  ];
  if (addresses.length > 0) return addresses;
  const text = `${host} has no address in DNS; check the name, or give --address.`;
  throw new SmtpError(text, {
    code: 'MB_SMTP_CONNECT_FAILED',
    kind: 'network',
    scope: 'host',
    stage: 'connect',
    retryable: true,
  });
}

async function greet(options: ConnectOptions): Promise<SmtpConnection> {
  const connection = await connect(options);
  await connection.close();
  return connection;
}

function readOffers({ capabilities }: SmtpConnection): Offer[] {
  return Array.from(capabilities.keywords, ([keyword, parameters]) => ({ keyword, parameters }));
}
