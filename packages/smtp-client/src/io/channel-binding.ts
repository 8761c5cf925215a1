import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ChannelBinding } from '../protocol/sasl/mechanism.ts';

/** The channel binding data of a TLS session: tls-exporter in TLS 1.3, tls-server-end-point in older versions. */
export function channelBinding(socket: TLSSocket): ChannelBinding | undefined {
  if (socket.getProtocol() === 'TLSv1.3') {
    // RFC 9266 §2
    const data = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
    return { type: 'tls-exporter', data };
  }
  const { raw } = socket.getPeerCertificate();
  const hash = raw && endPointHash(raw);
  return hash ? { type: 'tls-server-end-point', data: createHash(hash).update(raw).digest() } : undefined;
}

/** RFC 5929 §4.1: the hash function by the OID of the certificate's signature; SHA-256 replaces MD5 and SHA-1. */
const hashes: Readonly<Record<string, string>> = {
  // 1.2.840.113549.1.1: RSA with MD5, SHA-1, SHA-256, SHA-384 and SHA-512
  '2a864886f70d010104': 'sha256',
  '2a864886f70d010105': 'sha256',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  // 1.2.840.10045.4: ECDSA with SHA-1, SHA-256, SHA-384 and SHA-512
  '2a8648ce3d0401': 'sha256',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
};

/** The hash function of tls-server-end-point; undefined if RFC 5929 defines none, as for Ed25519. */
function endPointHash(certificate: Uint8Array): string | undefined {
  // RFC 5280 §4.1: SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID …
  const outer = element(certificate, 0);
  const algorithm = outer && element(certificate, element(certificate, outer.start)?.end ?? 0);
  const oid = algorithm && element(certificate, algorithm.start);
  return oid && hashes[Buffer.from(certificate.subarray(oid.start, oid.end)).toString('hex')];
}

/** The range of the content of a DER element. */
function element(octets: Uint8Array, at: number): { start: number; end: number } | undefined {
  const first = octets[at + 1];
  if (first === undefined) return undefined;
  if (first < 128) return { start: at + 2, end: at + 2 + first };
  let length = 0;
  const start = at + 2 + (first & 127);
  for (let index = at + 2; index < start; index++) length = length * 256 + (octets[index] ?? 0);
  return { start, end: start + length };
}
