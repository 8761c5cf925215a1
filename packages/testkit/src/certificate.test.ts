import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import {
  createCertificateAuthority,
  createSelfSignedCertificate,
  type TestCertificate,
} from './certificate.ts';

/** What a TLS client that trusts `root` says of a server with this certificate. */
async function judge({ key, cert }: TestCertificate, root: string, servername: string): Promise<string> {
  const server = createServer({ key, cert }, (socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect({ port, host: '127.0.0.1', ca: root, servername });
  const verdict = await new Promise<string>((resolve) => {
    client.once('secureConnect', () => resolve('ok'));
    client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
  return verdict;
}

describe('certificates', () => {
  it('are trusted through their root, for their names alone', async () => {
    const ca = await createCertificateAuthority();
    const leaf = await ca.issue({ names: ['mx.example.test', '*.pool.example.test', '127.0.0.2'] });
    expect(await judge(leaf, ca.root, 'mx.example.test')).toBe('ok');
    expect(await judge(leaf, ca.root, 'a.pool.example.test')).toBe('ok');
    expect(await judge(leaf, ca.root, 'other.example.test')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    const other = await createCertificateAuthority();
    expect(await judge(leaf, other.root, 'mx.example.test')).not.toBe('ok');
    expect(new X509Certificate(leaf.cert).checkIP('127.0.0.2')).toBe('127.0.0.2');
  });

  it('can be expired, not yet valid, or self-signed', async () => {
    const ca = await createCertificateAuthority();
    const names = ['mx.example.test'];
    const expired = await ca.issue({ names, validity: 'expired' });
    expect(await judge(expired, ca.root, 'mx.example.test')).toBe('CERT_HAS_EXPIRED');
    const future = await ca.issue({ names, validity: 'not-yet-valid' });
    expect(await judge(future, ca.root, 'mx.example.test')).toBe('CERT_NOT_YET_VALID');
    const own = await createSelfSignedCertificate({ names });
    expect(await judge(own, ca.root, 'mx.example.test')).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  it('of an intermediate carry the chain, two levels deep too', async () => {
    const ca = await createCertificateAuthority();
    const lower = await (await ca.intermediate()).intermediate('Second');
    const leaf = await lower.issue({ names: ['mx.example.test'] });
    expect(leaf.cert.match(/BEGIN CERTIFICATE/g)?.length).toBe(3);
    expect(await judge(leaf, ca.root, 'mx.example.test')).toBe('ok');
    const withoutChain = { ...leaf, cert: leaf.cert.slice(0, leaf.cert.indexOf('-----END') + 26) };
    expect(await judge(withoutChain, ca.root, 'mx.example.test')).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('can have an RSA key', async () => {
    const ca = await createCertificateAuthority();
    const leaf = await ca.issue({ names: ['mx.example.test'], keyType: 'rsa-2048' });
    expect(new X509Certificate(leaf.cert).publicKey.asymmetricKeyType).toBe('rsa');
    expect(await judge(leaf, ca.root, 'mx.example.test')).toBe('ok');
  });

  it('know their fingerprint and TLSA data as OpenSSL computes them', async () => {
    const leaf = await createSelfSignedCertificate({ names: ['mx.example.test'] });
    const parsed = new X509Certificate(leaf.cert);
    expect(leaf.fingerprint256).toBe(parsed.fingerprint256.replaceAll(':', '').toLowerCase());
    const spki = parsed.publicKey.export({ type: 'spki', format: 'der' });
    expect(leaf.tlsa()).toBe(`3 1 1 ${createHash('sha256').update(spki).digest('hex')}`);
    expect(leaf.tlsa(2, 0)).toBe(`2 0 1 ${leaf.fingerprint256}`);
  });
});
