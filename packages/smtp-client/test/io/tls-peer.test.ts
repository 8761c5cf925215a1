import { createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { createCertificateAuthority, startSmtpHost, type TestCertificate } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import {
  type ConnectOptions,
  connect,
  SmtpError,
  type TlsEvidence,
  type TlsOptions,
} from '../../src/index.ts';
import { encodeTlsa } from '../tlsa.ts';

const name = 'mx.example.test';
const ca = await createCertificateAuthority();
const good = await ca.issue({ names: [name] });
const base = { hostname: 'client.example.org', addresses: ['127.0.0.1'] } as const;

/** Connects and tells the code of the error, and the evidence. */
async function outcome(options: ConnectOptions): Promise<{ code: string; tls: TlsEvidence | undefined }> {
  try {
    const connection = await connect(options);
    const { tls } = connection;
    await connection.close();
    return { code: 'connected', tls };
  } catch (error) {
    if (!SmtpError.isInstance(error)) throw error;
    return { code: error.code, tls: error.tls };
  }
}

async function against(certificate: TestCertificate, host: string, tls: TlsOptions = { level: 'verified' }) {
  await using server = await startSmtpHost({ tls: { key: certificate.key, cert: certificate.cert } });
  return await outcome({
    ...base,
    host,
    addresses: [server.address],
    port: server.port,
    tls: { ca: ca.root, ...tls },
  });
}

describe('names in certificates', () => {
  /** Whether a certificate with these names is accepted for a host, under PKIX and as a DANE trust anchor alike. */
  async function expectFit(names: readonly string[], host: string, fits: boolean): Promise<void> {
    const certificate = await ca.issue({ names });
    const verified = await against(certificate, host);
    expect(verified.code).toBe(fits ? 'connected' : 'MB_SMTP_TLS_UNVERIFIED');
    if (!fits) expect(verified.tls?.failure?.type).toBe('certificate-host-mismatch');
    // DANE-TA checks names by the same rules (RFC 7672 §3.2.3).
    const tlsa = [encodeTlsa(2, ca)];
    expect((await against(certificate, host, { level: 'dane', tlsa })).code).toBe(verified.code);
  }

  it.each([
    ['its own name', [name], name, true],
    ['its own name in other case and with a trailing dot', ['MX.Example.test'], 'mx.example.test.', true],
    ['another name', ['mail.example.test'], name, false],
  ])('TLS-10 subjectAltName: %s', (_, names, host, fits) => expectFit(names, host, fits));

  it.each([
    ['one label', ['*.example.test'], name, true],
    ['two labels', ['*.example.test'], 'a.mx.example.test', false],
    ['no label', ['*.example.test'], 'example.test', false],
    ['the end of a label', ['m*.example.test'], name, false],
    ['the beginning of a label', ['*x.example.test'], name, false],
    ['the second label', ['mx.*.test'], name, false],
    ['a whole name', ['*'], name, false],
    ['a whole name of one label', ['*'], 'mx', false],
  ])('TLS-38 a wildcard for %s', (_, names, host, fits) => expectFit(names, host, fits));

  it.each([
    ['as an address', ['127.0.0.1'], '127.0.0.1', true],
    ['as an address, for a literal', ['127.0.0.1'], '[127.0.0.1]', true],
    ['as another address', ['127.0.0.2'], '127.0.0.1', false],
    ['as a name only', [name], '127.0.0.1', false],
  ])('TLS-39 an address in a certificate, %s', (_, names, host, fits) => expectFit(names, host, fits));

  it.each([
    ['in Unicode', ['xn--mnchen-3ya.example.test'], 'münchen.example.test', true],
    ['in A-labels', ['xn--mnchen-3ya.example.test'], 'xn--mnchen-3ya.example.test', true],
  ])('TLS-40 a host beyond ASCII, %s', (_, names, host, fits) => expectFit(names, host, fits));

  it.each([[name], ['127.0.0.1']])('TLS-10 a common name counts for nothing: %s', async (host) => {
    const certificate = await ca.issue({ names: [], commonName: host });
    const { code, tls } = await against(certificate, host);
    expect(code).toBe('MB_SMTP_TLS_UNVERIFIED');
    expect(tls).toMatchObject({ failure: { type: 'certificate-host-mismatch' }, peerNames: [] });
  });

  it('TLS-02 SNI carries the name without its trailing dot, in A-labels, and no address', async () => {
    for (const [host, expected] of [
      ['mx.example.test.', 'mx.example.test'],
      ['münchen.example.test', 'xn--mnchen-3ya.example.test'],
      ['127.0.0.1', undefined],
      ['[127.0.0.1]', undefined],
    ] as const) {
      const names: (string | undefined)[] = [];
      const SNICallback = (servername: string, done: (error: Error | null) => void): void => {
        names.push(servername);
        done(null);
      };
      await using server = await startSmtpHost({ tls: { key: good.key, cert: good.cert, SNICallback } });
      await outcome({
        ...base,
        host,
        addresses: [server.address],
        port: server.port,
        tls: { level: 'required' },
      });
      expect(names).toEqual(expected === undefined ? [] : [expected]);
    }
  });
});

/** A server that agrees to TLS, lets the handshake end and then hangs up, as servers do that require a client certificate. */
async function listenRejecting(
  maxVersion: 'TLSv1.2' | 'TLSv1.3',
): Promise<{ port: number; sessions(): number; close(): void }> {
  let sessions = 0;
  const server = createServer((socket: Socket) => {
    sessions += 1;
    socket.on('error', () => {});
    socket.write('220 mx\r\n');
    socket.on('data', function onData(octets) {
      const line = octets.toString();
      if (line.startsWith('EHLO')) socket.write('250-mx\r\n250 STARTTLS\r\n');
      else if (line.startsWith('STARTTLS')) {
        socket.off('data', onData);
        const secured = new TLSSocket(socket, { isServer: true, key: good.key, cert: good.cert, maxVersion });
        secured.on('error', () => {});
        secured.once('secure', () => socket.destroy());
        socket.write('220 go ahead\r\n');
      } else socket.write('250 ok\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    sessions: () => sessions,
    close: () => server.close(),
  };
}

describe('a server that rejects the handshake after its end', () => {
  it('TLS-11 under TLS 1.3 the handshake has failed: opportunistic falls back, the others do not', async () => {
    const server = await listenRejecting('TLSv1.3');
    const options = { ...base, host: name, port: server.port };
    const fallen = await outcome({ ...options, tls: { level: 'opportunistic' } });
    expect(fallen).toMatchObject({
      code: 'connected',
      tls: { secure: false, failure: { type: 'validation-failure' } },
    });
    expect(server.sessions()).toBe(2);
    const required = await outcome({ ...options, tls: { level: 'required' } });
    expect(required).toMatchObject({
      code: 'MB_SMTP_TLS_HANDSHAKE',
      tls: { level: 'required', failure: { type: 'validation-failure' } },
    });
    server.close();
  });

  it('TLS-11 under TLS 1.2, where the server has had the last word, the connection is lost', async () => {
    const server = await listenRejecting('TLSv1.2');
    const { code } = await outcome({ ...base, host: name, port: server.port, tls: { level: 'required' } });
    expect(code).toMatch(/^MB_SMTP_(?:CONNECTION_LOST|TLS_HANDSHAKE)$/);
    server.close();
  });
});

describe('TLS results as data', () => {
  it.each([
    ['certificate-expired', { names: [name], validity: 'expired' }],
    ['validation-failure', { names: [name], validity: 'not-yet-valid' }],
    ['certificate-host-mismatch', { names: ['other.example.test'] }],
  ] as const)('TLS-12 %s', async (type, options) => {
    const certificate = await ca.issue(options);
    const refused = await against(certificate, name);
    expect(refused).toMatchObject({
      code: 'MB_SMTP_TLS_UNVERIFIED',
      tls: { secure: true, level: 'verified', failure: { type } },
    });
    // What a level allows is reported as well.
    const passed = await against(certificate, name, { level: 'opportunistic' });
    expect(passed).toMatchObject({ code: 'connected', tls: { level: 'opportunistic', failure: { type } } });
  });

  it('TLS-12 certificate-not-trusted', async () => {
    const other = await createCertificateAuthority('Another Root');
    const certificate = await other.issue({ names: [name] });
    expect((await against(certificate, name)).tls?.failure?.type).toBe('certificate-not-trusted');
  });

  it('TLS-12 validation-failure where no TLSA record matches', async () => {
    const other = await createCertificateAuthority('Another Root');
    for (const tlsa of [encodeTlsa(3, await ca.issue({ names: [name] })), encodeTlsa(2, other)]) {
      const { code, tls } = await against(good, name, { level: 'dane', tlsa: [tlsa] });
      expect(code).toBe('MB_SMTP_TLS_UNVERIFIED');
      expect(tls).toMatchObject({ level: 'dane', failure: { type: 'validation-failure' } });
    }
  });

  it('TLS-12 a handshake that fails, and a verified session without a failure', async () => {
    await using server = await startSmtpHost({
      tls: { key: good.key, cert: good.cert, handshake: 'close' },
    });
    const failed = await outcome({
      ...base,
      addresses: [server.address],
      host: name,
      port: server.port,
      tls: { level: 'required' },
    });
    expect(failed).toMatchObject({
      code: 'MB_SMTP_TLS_HANDSHAKE',
      tls: { failure: { type: 'validation-failure' } },
    });
    const fine = await against(good, name);
    expect(fine.tls).toMatchObject({ verifiedBy: 'pkix', level: 'verified' });
    expect(fine.tls?.failure).toBeUndefined();
  });
});
