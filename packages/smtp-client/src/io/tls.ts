import type { Duplex } from 'node:stream';
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { SmtpError } from '../errors.ts';
import { matchDane, presentedChain } from './dane.ts';
import type { TlsaRecord } from './tlsa-record.ts';

/** How a connection is secured and what happens when it cannot be. */
export type TlsLevel =
  /** Never TLS. */
  | 'none'
  /** TLS where offered, with any certificate; plain text on a new connection when it fails (RFC 7435). */
  | 'opportunistic'
  /** TLS with any certificate, or no delivery (RFC 7672 §2.2 with no usable record). */
  | 'required'
  /** TLS with a certificate of a known authority for the host's name (RFC 8461 §4.1, smarthosts). */
  | 'verified'
  /** TLS with a certificate that a TLSA record names (RFC 7672 §3). */
  | 'dane';

/** How TLS is used on a connection. */
export interface TlsOptions {
  /** Default `opportunistic`; `verified` when `implicit` is set. */
  readonly level?: TlsLevel;
  /** TLSA records of the host, authenticated by DNSSEC; needed for `dane`. */
  readonly tlsa?: readonly TlsaRecord[];
  /** PEM certificates to trust instead of the platform's authorities. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** TLS from the first octet (RFC 8314 §3), usually port 465. Default false. */
  readonly implicit?: boolean;
  /** Further names that a certificate may carry under `dane` with usage 2 (RFC 7672 §3.2.3): the domain of the mail. */
  readonly alsoNames?: readonly string[];
  /** Told the certificates that the server presented, DER, its own first, before they are judged. */
  readonly onCertificates?: (chain: readonly Uint8Array[]) => void;
  /** Lowest protocol version. Default and least `TLSv1.2`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** What is known about the security of a connection, for reports and policy. */
export interface TlsEvidence {
  /** Whether octets were encrypted at all. */
  readonly secure: boolean;
  /** e.g. `TLSv1.3` */
  readonly protocol?: string;
  /** OpenSSL's name of the cipher suite. */
  readonly cipher?: string;
  /** What the certificate was verified by; `none` says why in `error`. */
  readonly verifiedBy: 'none' | 'pkix' | 'dane-ee' | 'dane-ta';
  /** DNS names in the peer's certificate. */
  readonly peerNames?: readonly string[];
  /** SHA-256 of the peer's certificate in hexadecimal pairs with colons. */
  readonly fingerprint?: string;
  readonly issuer?: string;
  /** RFC 5280 validity, as Node prints it. */
  readonly validFrom?: string;
  readonly validTo?: string;
  /** Why TLS was not used, or why the certificate was not verified. */
  readonly error?: string;
}

/** A socket inside TLS and what was found out about its peer. */
export interface SecuredSocket {
  readonly socket: TLSSocket;
  readonly evidence: TlsEvidence;
}

/**
 * Does the handshake on `transport` and verifies the peer by the level asked for.
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
    const literal = /^\[|^[\d.]+$|:/.test(host);
    const socket = connectTls({
      socket: transport,
      // RFC 6066 §3: SNI carries names, not addresses.
      ...(literal ? {} : { servername: host }),
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
        reject(handshakeFailed(error));
      });
    const onClose = (): void => onError(new Error('the connection was closed during the handshake'));
    socket.on('error', onError).on('close', onClose);
    socket.once('secureConnect', () =>
      settle(() => {
        options.onCertificates?.(presentedChain(socket.getPeerCertificate(true)).map(({ raw }) => raw));
        const evidence = examine(socket, host, options);
        const refused = refuse(evidence, options.level);
        if (!refused) return resolve({ socket, evidence });
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
  const verdict = verify(socket, peer, host, options);
  const protocol = socket.getProtocol();
  const { standardName } = socket.getCipher();
  return {
    secure: true,
    ...(protocol ? { protocol } : {}),
    cipher: standardName,
    ...(peer.fingerprint256 ? { fingerprint: peer.fingerprint256, peerNames: namesOf(peer) } : {}),
    ...(peer.issuer ? { issuer: [peer.issuer.O, peer.issuer.CN].flat().filter(Boolean).join(', ') } : {}),
    ...(peer.valid_from ? { validFrom: peer.valid_from, validTo: peer.valid_to } : {}),
    ...verdict,
  };
}

function verify(
  socket: TLSSocket,
  peer: PeerCertificate,
  host: string,
  options: TlsOptions & { readonly level: TlsLevel },
): Pick<TlsEvidence, 'verifiedBy' | 'error'> {
  if (options.level === 'dane') return matchDane(socket, host, options.tlsa ?? [], options.alsoNames ?? []);
  if (!socket.authorized) return { verifiedBy: 'none', error: String(socket.authorizationError) };
  const mismatch = checkServerIdentity(host.replace(/^\[(?:IPv6:)?|\]$/gi, ''), peer);
  return mismatch ? { verifiedBy: 'none', error: mismatch.message } : { verifiedBy: 'pkix' };
}

/** Whether what was found is too little for the level. */
function refuse(evidence: TlsEvidence, level: TlsLevel): SmtpError | undefined {
  if (evidence.verifiedBy !== 'none' || (level !== 'verified' && level !== 'dane')) return undefined;
  return new SmtpError(
    `The server's certificate could not be verified (${level}): ${evidence.error ?? 'no reason given'}. Nothing was sent.`,
    { code: 'MB_SMTP_TLS_UNVERIFIED', kind: 'tls', scope: 'host', stage: 'tls', retryable: true },
  );
}

function handshakeFailed(cause: Error): SmtpError {
  return new SmtpError(
    `The TLS handshake failed: ${cause.message.trim()}. Try another host or ask its operator.`,
    {
      code: 'MB_SMTP_TLS_HANDSHAKE',
      kind: 'tls',
      scope: 'host',
      stage: 'tls',
      retryable: true,
      cause,
    },
  );
}

function asPem(ca: NonNullable<TlsOptions['ca']>): (string | Buffer)[] {
  const list = typeof ca === 'string' || ca instanceof Uint8Array ? [ca] : ca;
  return list.map((item) => (typeof item === 'string' ? item : Buffer.from(item)));
}

function namesOf(peer: PeerCertificate): string[] {
  const names = peer.subjectaltname?.match(/DNS:[^,\s"]+/g)?.map((name) => name.slice(4)) ?? [];
  const common = [peer.subject?.CN].flat().filter((name): name is string => Boolean(name));
  return names.length > 0 ? names : common;
}
