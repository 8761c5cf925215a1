import type { AddressInfo } from 'node:net';
import { MimeError, parseMailbox } from '@mb/mime';
import {
  SMTPServer,
  type SMTPServerAddress,
  type SMTPServerDataStream,
  type SMTPServerSession,
} from 'smtp-server';
import type { ServedBroker } from '../current-broker.ts';
import type { ReportArchive } from '../reports/report-archive.ts';
import type { TlsCertificate } from '../submission/options.ts';
import { SubmissionReply } from '../submission/reply.ts';
import { answerData, bounded, closeSmtp, listenSmtp } from '../submission/smtp-listener.ts';
import type { checkInboundOptions } from './options.ts';

/** The largest report, in octets; the broker reads no larger ones. */
const maxReportBytes = 10 * 1024 * 1024;
/** A report goes to one return path. */
const maxRecipients = 10;

/** What the listener works on. */
export interface InboundParts {
  readonly broker: ServedBroker;
  readonly reports: ReportArchive;
  readonly onError: (error: unknown) => void;
}

/** A listener for reports. */
export interface InboundServer {
  readonly address: { readonly host: string; readonly port: number };
  replaceCertificate(tls: TlsCertificate): void;
  close(graceMs: number): Promise<void>;
}

/**
 * Takes bounces and complaints (RFC 3464, RFC 5965) that come to our return paths, DMARC and TLS reports (RFC 9990, RFC
 * 8460), and nothing else: it relays no mail and keeps only what the reports say.
 *
 * @throws {ServerError} MB_SERVER_LISTEN
 */
export async function startInbound(
  options: ReturnType<typeof checkInboundOptions>,
  parts: InboundParts,
): Promise<InboundServer> {
  const { hostname, tls, maxClients, host, port } = options;
  const domains = new Set(options.domains.map((domain) => domain.toLowerCase()));
  const server = new SMTPServer({
    name: hostname,
    banner: '@mb/server',
    size: maxReportBytes,
    rejectOversized: true,
    authOptional: true,
    disabledCommands: tls ? ['AUTH'] : ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: true,
    maxClients,
    maxRecipients,
    ...(tls && { key: tls.key as string, cert: tls.cert as string, minVersion: 'TLSv1.2' as const }),
    onRcptTo: ({ address }: SMTPServerAddress, _session, done) => {
      done(
        isOurs(address, domains)
          ? null
          : new SubmissionReply(550, '5.7.1 Only reports to our return paths are taken'),
      );
    },
    onData: (stream, session, done) => {
      answerData(takeIn(stream, session, parts), stream, { answer: done, onError: parts.onError });
    },
  });
  const address = (await listenSmtp(server, { host, port })).address() as AddressInfo;
  return {
    address: { host: address.address, port: address.port },
    replaceCertificate({ key, cert }) {
      if (tls) server.updateSecureContext({ key: key as string, cert: cert as string });
    },
    close: (graceMs) => closeSmtp(server, graceMs),
  };
}

function isOurs(address: string, domains: ReadonlySet<string>): boolean {
  try {
    return domains.has(parseMailbox(address, { addresses: 'as-received' }).domain.toLowerCase());
  } catch {
    return false;
  }
}

/** A letter that a person wrote is refused, so that they learn that it was not read. */
async function takeIn(
  stream: SMTPServerDataStream,
  { envelope: { rcptTo } }: SMTPServerSession,
  { broker, reports }: InboundParts,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bounded(stream, maxReportBytes)) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  const kinds: string[] = [];
  for (const { address } of rcptTo) kinds.push((await broker.receiveReport(raw, address)).kind);
  if (kinds.every((kind) => kind === 'none') && (await keepReports(raw, reports)) === 0) {
    throw new SubmissionReply(550, '5.7.1 This address takes reports only');
  }
  return '2.0.0 The report was read';
}

/** How many reports of domains the message holds; a damaged one counts as none. */
async function keepReports(raw: Uint8Array, reports: ReportArchive): Promise<number> {
  try {
    return (await reports.takeMessage(raw)).length;
  } catch (error) {
    if (MimeError.isInstance(error)) return 0;
    throw error;
  }
}
