import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { SmtpError } from '../errors.ts';
import type { ChannelBinding } from '../protocol/sasl/mechanism.ts';
import { handshakeFailed } from '../protocol/session/session-errors.ts';
import type { TlsEvidence, TlsLevel, TlsResultType } from '../tls-evidence.ts';
import { comparableName, isNamed, namesOf } from './certificate-name.ts';
import { channelBinding } from './channel-binding.ts';
import { type CertificateCheck, matchDane, presentedChain, unverified } from './dane.ts';
import { certificateReason, handshakeReason } from './tls-reason.ts';
import type { TlsaRecord } from './tlsa-record.ts';

/** How TLS is used on a connection. */
export interface TlsOptions {
  /** Default `opportunistic`; `verified` when `implicit` is set. */
  readonly level?: TlsLevel | undefined;
  /** TLSA records of the host, authenticated by DNSSEC; needed for `dane`. */
  readonly tlsa?: readonly TlsaRecord[] | undefined;
  /** PEM certificates to trust instead of the platform's authorities. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** TLS from the first octet (RFC 8314 §3), usually port 465. Default false. */
  readonly implicit?: boolean | undefined;
  /**
   * Further names that a certificate may have at level `dane` with usage 2 (RFC 7672 §3.2.3), such as the mail domain.
   */
  readonly alsoNames?: readonly string[] | undefined;
  /** Called before verification with the certificates of the server in DER, its own first. */
  readonly onCertificates?: ((chain: readonly Uint8Array[]) => void) | undefined;
  /** Minimum protocol version. Default `TLSv1.2`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

/** A TLS socket with what is known about its peer. */
export interface SecuredSocket {
  readonly socket: TLSSocket;
  readonly evidence: TlsEvidence;
  /** Returns the channel binding data for AUTH. */
  readonly binding: () => ChannelBinding | undefined;
}

/**
 * Does the TLS handshake on `transport`, and verifies the peer as the level requires.
 *
 * SNI and name checks use `host`, the name of the mail exchanger (RFC 7672 §8.1, RFC 8461 §4.1).
 * @throws {SmtpError} MB_SMTP_TLS_HANDSHAKE, MB_SMTP_TLS_UNVERIFIED, MB_SMTP_ABORTED
 */
export function secure(
  transport: Duplex,
  host: string,
  options: TlsOptions & { readonly level: TlsLevel },
  signal: AbortSignal,
): Promise<SecuredSocket> {
  return new Promise((resolve, reject) => {
    const name = comparableName(host);
    // Loaded with the first handshake: it takes longer to load than this package.
    const socket = process.getBuiltinModule('node:tls').connect({
      socket: transport,
      // RFC 6066 §3: SNI carries names without their trailing dot, not addresses.
      ...(isIP(name) ? {} : { servername: name }),
      rejectUnauthorized: false,
      minVersion: options.minVersion ?? 'TLSv1.2',
      ...(options.ca === undefined ? {} : { ca: asPem(options.ca) }),
      checkServerIdentity: () => undefined,
    });
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose);
      act();
    };
    const onAbort = (): void =>
      settle(() => {
        socket.on('error', () => {});
        socket.destroy();
        reject(signal.reason);
      });
    const onError = (error: Error): void =>
      settle(() => {
        socket.on('error', () => {});
        socket.destroy();
        reject(handshakeFailed(error, handshakeReason(error)));
      });
    const onClose = (): void => onError(new Error('the connection was closed during the handshake'));
    socket.on('error', onError).on('close', onClose);
    socket.once('secureConnect', () =>
      settle(() => {
        options.onCertificates?.(presentedChain(socket.getPeerCertificate(true)).map(({ raw }) => raw));
        const evidence = examine(socket, host, options);
        const refused = refuse(evidence, options.level);
        if (!refused) return resolve({ socket, evidence, binding: () => channelBinding(socket) });
        socket.on('error', () => {});
        socket.destroy();
        reject(refused);
      }),
    );
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function examine(
  socket: TLSSocket,
  host: string,
  options: TlsOptions & { readonly level: TlsLevel },
): TlsEvidence {
  const peer = socket.getPeerCertificate(options.level === 'dane');
  const certificate = peer.raw && new X509Certificate(peer.raw);
  const result = verify(socket, certificate, host, options);
  const protocol = socket.getProtocol();
  const { standardName } = socket.getCipher();
  return {
    secure: true,
    level: options.level,
    ...(protocol ? { protocol } : {}),
    cipher: standardName,
    ...(certificate ? { fingerprint: certificate.fingerprint256, peerNames: namesOf(certificate) } : {}),
    ...(peer.issuer ? { issuer: [peer.issuer.O, peer.issuer.CN].flat().filter(Boolean).join(', ') } : {}),
    ...(peer.valid_from ? { validFrom: peer.valid_from, validTo: peer.valid_to } : {}),
    verifiedBy: result.verifiedBy,
    ...(result.failure && { error: result.failure.detail, failure: result.failure }),
  };
}

function verify(
  socket: TLSSocket,
  certificate: X509Certificate | undefined,
  host: string,
  options: TlsOptions & { readonly level: TlsLevel },
): CertificateCheck {
  if (options.level === 'dane') return matchDane(socket, host, options.tlsa ?? [], options.alsoNames ?? []);
  if (!socket.authorized || !certificate) {
    const code = String(socket.authorizationError ?? 'the server presented no certificate');
    return unverified(resultTypes[code] ?? 'certificate-not-trusted', certificateReason(code));
  }
  if (isNamed(certificate, host)) return { verifiedBy: 'pkix' };
  const names = namesOf(certificate).join(', ') || 'none';
  const detail = `the certificate is not for ${comparableName(host)}; DNS names in it: ${names}`;
  return unverified('certificate-host-mismatch', detail);
}

/** RFC 8460 §4.3 result types of OpenSSL's reasons; all others are `certificate-not-trusted`. */
const resultTypes: Readonly<Record<string, TlsResultType>> = {
  CERT_HAS_EXPIRED: 'certificate-expired',
  CERT_NOT_YET_VALID: 'validation-failure',
};

/** The error when the evidence does not satisfy the level; undefined when it does. */
function refuse(evidence: TlsEvidence, level: TlsLevel): SmtpError | undefined {
  if (evidence.verifiedBy !== 'none' || (level !== 'verified' && level !== 'dane')) return undefined;
  return new SmtpError(
    `The server's certificate could not be verified (${level}): ${evidence.error ?? 'no reason given'}. Nothing was sent.`,
    {
      code: 'MB_SMTP_TLS_UNVERIFIED',
      kind: 'tls',
      scope: 'host',
      stage: 'tls',
      retryable: true,
      tls: evidence,
    },
  );
}

function asPem(ca: NonNullable<TlsOptions['ca']>): (string | Buffer)[] {
  const list = typeof ca === 'string' || ca instanceof Uint8Array ? [ca] : ca;
  return list.map((item) => (typeof item === 'string' ? item : Buffer.from(item)));
}
