import { describe, expect, it } from 'vitest';
import { certificateReason, handshakeReason, inWords } from './tls-reason.ts';

const openSsl = (code: string, reason: string) =>
  Object.assign(new Error(`80DE:error:0A000126:SSL routines:fn:${reason}:../deps/openssl/ssl/record.c:1:`), {
    code,
    ...(code !== 'EPROTO' && { reason }),
  });

describe('certificateReason', () => {
  it.each([
    ['CERT_HAS_EXPIRED', /^the certificate, or one that signs it, has expired \(CERT_HAS_EXPIRED\)$/],
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      /^the certificate is signed by itself, .* \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
    ],
    ['HOSTNAME_OF_THE_FUTURE', /^the certificate is not trusted \(HOSTNAME_OF_THE_FUTURE\)$/],
    ['the server presented no certificate', /^the server presented no certificate$/],
  ])('TLS-18 says %s in words, with the code for a search', (code, words) => {
    expect(certificateReason(code)).toMatch(words);
  });
});

describe('handshakeReason', () => {
  it.each([
    [
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'wrong version number',
      'the server answered with something other than TLS',
    ],
    ['EPROTO', 'wrong version number', 'the server answered with something other than TLS'],
    [
      'EPROTO',
      'unsupported protocol',
      'the server does not offer TLS 1.2 or a later version that is allowed',
    ],
    [
      'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
      'ssl/tls alert handshake failure',
      'the server shares no cipher suite',
    ],
    [
      'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR',
      'tlsv1 alert internal error',
      'the server reported an internal error',
    ],
    [
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'tlsv13 alert certificate required',
      'the server asks for a cert',
    ],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tlsv1 alert unknown ca', 'the server refused the handshake'],
    ['ERR_SSL_DH_KEY_TOO_SMALL', 'dh key too small', 'the key of the server is too short'],
  ])('TLS-18 says %s (%s) in words', (code, reason, words) => {
    const text = handshakeReason(openSsl(code, reason));
    expect(text).toContain(words);
    expect(text).toContain(`(${reason})`);
    expect(text).not.toMatch(/0A000126|deps/);
  });

  it('TLS-18 keeps the words of other errors', () => {
    expect(handshakeReason(new Error('the connection was closed during the handshake'))).toBe(
      'the connection was closed during the handshake',
    );
    const odd = openSsl('ERR_SSL_ODD', 'something odd');
    expect(handshakeReason(odd)).toBe('something odd');
    expect((inWords(odd) as Error).cause).toBe(odd);
    const plain = new Error('reset');
    expect(inWords(plain)).toBe(plain);
  });
});
