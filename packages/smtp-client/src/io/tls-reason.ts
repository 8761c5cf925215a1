/** Descriptions of OpenSSL's error codes; the code follows in parentheses, so that it can be searched for. */

/** Why a certificate is not trusted, by code of X509_verify_cert_error_string(3). */
const certificateReasons: Readonly<Record<string, string>> = {
  CERT_CHAIN_TOO_LONG: 'the chain of certificates is too long',
  CERT_HAS_EXPIRED: 'the certificate, or one that signs it, has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet; compare the clocks of both machines',
  CERT_REJECTED: 'the certificate is marked as rejected',
  CERT_REVOKED: 'the certificate is revoked',
  CERT_SIGNATURE_FAILURE: 'the signature of the certificate is wrong',
  CERT_UNTRUSTED: 'the authority that signed the certificate is not trusted for TLS servers',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is signed by itself, not by an authority',
  INVALID_CA: 'the certificate is signed by one that is not an authority',
  INVALID_PURPOSE: 'the certificate is not meant for TLS servers',
  PATH_LENGTH_EXCEEDED: 'the chain of certificates is longer than its authority allows',
  SELF_SIGNED_CERT_IN_CHAIN: 'the authority that signed the certificate is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate of the issuer is missing',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the authority that signed the certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the authority that signed the certificate is not trusted, or the server does not send the whole chain',
};

/** Describes a code of OpenSSL's certificate verification; returns any other text unchanged. */
export function certificateReason(code: string): string {
  if (!/^[A-Z][A-Z\d_]+$/.test(code)) return code;
  return `${certificateReasons[code] ?? 'the certificate is not trusted'} (${code})`;
}

/** Why a handshake failed, by parts of Node's error codes; the first match counts. */
const handshakeReasons: readonly (readonly [part: RegExp, reason: string])[] = [
  [/^ECONNRESET|^EPIPE|UNEXPECTED_EOF/, 'the server closed the connection'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH|RECORD_TYPE|HTTP/,
    'the server answered with something other than TLS',
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/,
    'the server does not offer TLS 1.2 or a later version that is allowed',
  ],
  [/HANDSHAKE_FAILURE|NO_SHARED_CIPHER|NO_CIPHERS/, 'the server shares no cipher suite with this machine'],
  [/DH_KEY_TOO_SMALL|EE_KEY_TOO_SMALL|CA_KEY_TOO_SMALL|CA_MD_TOO_WEAK/, 'the key of the server is too short'],
  [/LEGACY_RENEGOTIATION/, 'the server supports only insecure renegotiation'],
  [/ALERT_UNRECOGNIZED_NAME/, 'the server does not know the host name'],
  [/CERTIFICATE_REQUIRED|ALERT_BAD_CERTIFICATE/, 'the server asks for a certificate of the client'],
  [/ALERT_INTERNAL_ERROR/, 'the server reported an internal error'],
  [/ALERT/, 'the server refused the handshake'],
];

/** Describes a failed handshake, with OpenSSL's reason in parentheses; returns the message of other errors. */
export function handshakeReason(error: Error): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  const said = openSslReason(error);
  // A failed write has the code EPROTO, whatever OpenSSL said.
  const searched = `${code} ${said?.replaceAll(' ', '_').toUpperCase() ?? ''}`;
  const found = handshakeReasons.find(([part]) => part.test(searched))?.[1];
  if (found !== undefined) return `${found} (${said ?? code})`;
  return said ?? error.message.trim();
}

/** Returns an error of a TLS socket with a readable message, and any other error unchanged. */
export function inWords(error: unknown): unknown {
  if (!(error instanceof Error) || openSslReason(error) === undefined) return error;
  return new Error(handshakeReason(error), { cause: error });
}

/** The reason in OpenSSL's error message, without numbers and file names. */
function openSslReason(error: Error): string | undefined {
  const { reason } = error as { readonly reason?: unknown };
  return typeof reason === 'string' ? reason : /:error:[\dA-F]+:[^:]*:[^:]*:([^:]+)/.exec(error.message)?.[1];
}
