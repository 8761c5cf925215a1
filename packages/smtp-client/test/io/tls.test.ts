import { createHash } from 'node:crypto';
import {
  createCertificateAuthority,
  createSelfSignedCertificate,
  type SmtpHostOptions,
  type SmtpScript,
  startSmtpHost,
  type TestCertificate,
  VirtualClock,
} from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import {
  type ConnectOptions,
  connect,
  type SmtpConnection,
  SmtpError,
  type TlsaRecord,
  type TlsOptions,
} from '../../src/index.ts';

const name = 'mx.example.test';
const ca = await createCertificateAuthority();
const good = await ca.issue({ names: [name] });
const octets = Buffer.from('Subject: hi\r\n\r\nhi\r\n');

async function failure(attempt: Promise<SmtpConnection>): Promise<SmtpError> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!SmtpError.isInstance(error)) throw new Error(`no SmtpError but ${error}`);
  return error;
}

/** Starts a host, connects with `tls`, delivers once and closes. */
async function attempt(
  host: SmtpHostOptions,
  tls: TlsOptions,
  more: Partial<ConnectOptions> = {},
): Promise<{ connection?: SmtpConnection; error?: SmtpError; sessions: number; secured: boolean[] }> {
  await using server = await startSmtpHost(host);
  const options = {
    host: name,
    addresses: [server.address],
    port: server.port,
    hostname: 'client.example.org',
    tls,
    ...more,
  };
  const result: { connection?: SmtpConnection; error?: SmtpError } = {};
  try {
    const connection = await connect(options);
    const outcome = await connection.deliver({ from: '', to: ['b@example.test'] }, octets);
    expect(outcome.recipients[0]).toMatchObject({ status: 'delivered' });
    expect(outcome.tls).toBe(connection.tls);
    await server.until(() => server.messages.length === 1);
    await connection.close();
    result.connection = connection;
  } catch (error) {
    if (!SmtpError.isInstance(error)) throw error;
    result.error = error;
  }
  return {
    ...result,
    sessions: server.sessions.length,
    secured: server.messages.map(({ tls: secure }) => secure),
  };
}

const hostWith = ({ key, cert }: TestCertificate, more: object = {}): SmtpHostOptions => ({
  tls: { key, cert, ...more },
});

describe('levels', () => {
  it('TLS-23 TLS-04 TLS-45 verified: a certificate of a known authority for the name', async () => {
    const { connection, secured } = await attempt(hostWith(good), { level: 'verified', ca: ca.root });
    expect(secured).toEqual([true]);
    expect(connection?.tls).toMatchObject({
      secure: true,
      protocol: 'TLSv1.3',
      verifiedBy: 'pkix',
      peerNames: [name],
      cipher: expect.stringContaining('TLS_'),
      fingerprint: good.fingerprint256.toUpperCase().replace(/..(?!$)/g, '$&:'),
    });
    expect(connection?.tls.error).toBeUndefined();
  });

  const broken: readonly [string, () => Promise<TestCertificate>][] = [
    ['expired', () => ca.issue({ names: [name], validity: 'expired' })],
    ['not yet valid', () => ca.issue({ names: [name], validity: 'not-yet-valid' })],
    ['self-signed', () => createSelfSignedCertificate({ names: [name] })],
    ['for another name', () => ca.issue({ names: ['other.example.test'] })],
    [
      'of an unknown authority',
      async () => (await createCertificateAuthority('Other')).issue({ names: [name] }),
    ],
  ];
  for (const [kind, issue] of broken) {
    it(`TLS-23 TLS-04 TLS-45 a certificate that is ${kind} is refused under verified, used under opportunistic and required`, async () => {
      const certificate = await issue();
      const refused = await attempt(hostWith(certificate), { level: 'verified', ca: ca.root });
      expect(refused.error).toMatchObject({
        code: 'MB_SMTP_TLS_UNVERIFIED',
        kind: 'tls',
        scope: 'host',
        stage: 'tls',
      });
      expect([refused.sessions, refused.secured]).toEqual([1, []]);
      for (const level of ['opportunistic', 'required'] as const) {
        const { connection, secured } = await attempt(hostWith(certificate), { level, ca: ca.root });
        expect(secured).toEqual([true]);
        expect(connection?.tls).toMatchObject({ verifiedBy: 'none', error: expect.any(String) });
      }
    });
  }

  const failing: readonly [string, SmtpHostOptions][] = [
    [
      'TLS 1.0 only',
      hostWith(good, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ],
    ['garbage for a handshake', hostWith(good, { handshake: 'garbage' })],
    ['a close in the handshake', hostWith(good, { handshake: 'close' })],
    ['a reset in the handshake', hostWith(good, { handshake: 'reset' })],
    ['454 to STARTTLS', { ...hostWith(good), script: { starttls: '454 4.7.0 TLS not available' } }],
  ];
  for (const [kind, options] of failing) {
    it(`TLS-03 TLS-22 TLS-43 ${kind}: in plain text on a new connection under opportunistic, recorded; never under other levels`, async () => {
      const { connection, sessions, secured } = await attempt(options, { level: 'opportunistic' });
      expect([sessions, secured]).toEqual([2, [false]]);
      expect(connection?.tls).toMatchObject({ secure: false, verifiedBy: 'none', error: expect.any(String) });
      expect(connection?.transcript.some(({ text }) => /without TLS/.test(text))).toBe(true);
      for (const level of ['required', 'verified', 'dane'] as const) {
        const tls: TlsOptions = {
          level,
          ca: ca.root,
          ...(level === 'dane' ? { tlsa: [parseTlsa(good.tlsa())] } : {}),
        };
        const refused = await attempt(options, tls);
        expect([refused.sessions, refused.secured]).toEqual([1, []]);
        expect(refused.error?.code).toMatch(/^MB_SMTP_TLS_(HANDSHAKE|REFUSED|INJECTION)$/);
      }
    });
  }

  it('TLS-22 a handshake that hangs ends at its deadline, and the plain try is the only other one', async () => {
    await using server = await startSmtpHost(hostWith(good, { handshake: 'hang' }));
    const clock = new VirtualClock();
    const options = {
      host: name,
      addresses: [server.address],
      port: server.port,
      hostname: 'client.example.org',
      clock,
    };
    const pending = connect(options);
    await server.until(() => server.sessions[0]?.commands.includes('STARTTLS') === true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await clock.advance(60_000);
    const connection = await pending;
    expect(connection.tls).toMatchObject({ secure: false, error: expect.stringContaining('too long') });
    expect(server.sessions).toHaveLength(2);
    connection.destroy();
  });

  it('TLS-24 with credentials nothing falls back', async () => {
    const auth = { user: 'tim', password: 'secret', insecure: true } as const;
    const options = { ...hostWith(good, { handshake: 'garbage' }), auth: { users: { tim: 'secret' } } };
    const refused = await attempt(options, { level: 'opportunistic' }, { auth });
    expect(refused.error?.code).toMatch(/^MB_SMTP_TLS_/);
    expect(refused.sessions).toBe(1);
  });

  it('TLS-41 a server without STARTTLS: plain text under opportunistic, refused under the others', async () => {
    expect((await attempt({}, {})).connection?.tls).toEqual({
      secure: false,
      level: 'opportunistic',
      verifiedBy: 'none',
      error: 'the server does not offer STARTTLS',
      failure: { type: 'starttls-not-supported', detail: 'the server does not offer STARTTLS' },
    });
    for (const level of ['required', 'verified'] as const) {
      expect((await attempt({}, { level })).error).toMatchObject({
        code: 'MB_SMTP_TLS_NOT_OFFERED',
        kind: 'tls',
        tls: { level, failure: { type: 'starttls-not-supported' } },
      });
    }
    const never = await attempt(hostWith(good), { level: 'none' });
    expect(never.secured).toEqual([false]);
  });

  it('TLS-01 what a server sends after the 220 is not used; only opportunistic goes on, on a clean connection', async () => {
    const script: SmtpScript = { starttls: { raw: '220 go ahead\r\n250-injected\r\n250 CHUNKING\r\n' } };
    const options = { ...hostWith(good), script, keywords: ['PIPELINING'] };
    const { connection, sessions } = await attempt(options, {});
    expect([connection?.tls.secure, connection?.capabilities.chunking, sessions]).toEqual([false, false, 2]);
    const refused = await attempt(options, { level: 'required' });
    expect([refused.error?.code, refused.sessions, refused.secured]).toEqual([
      'MB_SMTP_TLS_INJECTION',
      1,
      [],
    ]);
  });

  it('TLS-02 SNI uses the host, not the address', async () => {
    await using server = await startSmtpHost(hostWith(good));
    const connection = await connect({
      host: name,
      addresses: [server.address],
      port: server.port,
      hostname: 'client.example.org',
    });
    expect(server.sessions[0]?.tls?.serverName).toBe(name);
    expect(connection.address).toBe(`127.0.0.1:${server.port}`);
    await connection.close();
  });

  it('TLS-19 the name check uses the host, not the address', async () => {
    const byAddress = await ca.issue({ names: ['127.0.0.1'] });
    const verified = { level: 'verified', ca: ca.root } as const;
    expect((await attempt(hostWith(good), verified)).connection?.tls.verifiedBy).toBe('pkix');
    expect((await attempt(hostWith(byAddress), verified)).error?.code).toBe('MB_SMTP_TLS_UNVERIFIED');
  });

  it('TLS-20 a server that offers nothing later than TLS 1.1 gets no mail inside TLS', async () => {
    const old = hostWith(good, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    const { error, secured } = await attempt(old, { level: 'required' });
    expect([error?.code, secured]).toEqual(['MB_SMTP_TLS_HANDSHAKE', []]);
    const { connection } = await attempt(hostWith(good, { maxVersion: 'TLSv1.2' }), { level: 'required' });
    expect(connection?.tls.protocol).toBe('TLSv1.2');
  });

  it('TLS-21 implicit TLS is verified by default', async () => {
    const options = { ...hostWith(good), implicitTls: true };
    const { connection } = await attempt(options, { implicit: true, ca: ca.root });
    expect(connection?.tls).toMatchObject({ secure: true, verifiedBy: 'pkix' });
    expect((await attempt(options, { implicit: true })).error?.code).toBe('MB_SMTP_TLS_UNVERIFIED');
    const hanging = { ...hostWith(good, { handshake: 'hang' }), implicitTls: true };
    await using server = await startSmtpHost(hanging);
    const timeouts = { handshakeMs: 50 };
    const base = {
      host: name,
      addresses: [server.address],
      port: server.port,
      hostname: 'client.example.org',
    };
    const error = await failure(connect({ ...base, tls: { implicit: true }, timeouts }));
    expect(error.code).toBe('MB_SMTP_TLS_TIMEOUT');
  });

  it('TLS-06 AUTH by PLAIN over a verified connection', async () => {
    const options = { ...hostWith(good), auth: { users: { tim: 'secret' } } };
    const done = await attempt(
      options,
      { level: 'verified', ca: ca.root },
      { auth: { user: 'tim', password: 'secret' } },
    );
    expect(done.secured).toEqual([true]);
    const refused = await attempt(
      options,
      { level: 'verified', ca: ca.root },
      { auth: { user: 'tim', password: 'hunter-two' } },
    );
    expect(refused.error?.code).toBe('MB_SMTP_AUTH_REFUSED');
    expect(JSON.stringify([done.connection?.transcript, refused.error?.transcript])).not.toMatch(
      /secret|hunter-two|AHRpbQ/,
    );
  });
});

function parseTlsa(text: string): TlsaRecord {
  const [usage, selector, matchingType, data] = text.split(' ');
  return {
    usage: Number(usage),
    selector: Number(selector),
    matchingType: Number(matchingType),
    data: Buffer.from(data!, 'hex'),
  };
}

describe('DANE', () => {
  const dane = (tlsa: readonly TlsaRecord[], more: Partial<TlsOptions> = {}): TlsOptions => ({
    level: 'dane',
    tlsa,
    ...more,
  });

  it('TLS-27 TLS-44 3 x x matches by key and by certificate, by digest and by value, and ignores names and dates', async () => {
    const certificates = [
      good,
      await ca.issue({ names: ['other.example.test'], validity: 'expired' }),
      await createSelfSignedCertificate({ names: ['x.test'] }),
    ];
    for (const certificate of certificates) {
      const records: TlsaRecord[] = [
        parseTlsa(certificate.tlsa(3, 1)),
        parseTlsa(certificate.tlsa(3, 0)),
        { usage: 3, selector: 0, matchingType: 0, data: certificate.der },
        {
          usage: 3,
          selector: 1,
          matchingType: 2,
          data: createHash('sha512').update(certificate.publicKey).digest(),
        },
      ];
      for (const record of records) {
        const { connection } = await attempt(hostWith(certificate), dane([parseTlsa(ca.tlsa(3, 1)), record]));
        expect(connection?.tls).toMatchObject({ verifiedBy: 'dane-ee' });
      }
    }
  });

  it('TLS-29 nothing matches, nothing is sent', async () => {
    const other = await createSelfSignedCertificate({ names: [name] });
    const { error, sessions } = await attempt(hostWith(good), dane([parseTlsa(other.tlsa())]));
    expect([error?.code, sessions]).toEqual(['MB_SMTP_TLS_UNVERIFIED', 1]);
  });

  it('TLS-28 2 x x checks chain, names and dates', async () => {
    const intermediate = await ca.intermediate();
    const leaf = await intermediate.issue({ names: [name] });
    const byIntermediate = dane([parseTlsa(intermediate.tlsa(2, 1))]);
    expect((await attempt(hostWith(leaf), byIntermediate)).connection?.tls).toMatchObject({
      verifiedBy: 'dane-ta',
    });
    // The server sends the root too.
    const whole = { ...leaf, cert: leaf.cert + ca.root };
    for (const record of [ca.tlsa(2, 0), ca.tlsa(2, 1)]) {
      expect((await attempt(hostWith(whole), dane([parseTlsa(record)]))).connection?.tls.verifiedBy).toBe(
        'dane-ta',
      );
    }
    // The record holds the root itself and the server does not send it.
    const anchor: TlsaRecord = { usage: 2, selector: 0, matchingType: 0, data: ca.der };
    expect((await attempt(hostWith(leaf), dane([anchor]))).connection?.tls.verifiedBy).toBe('dane-ta');
    const bare: TlsaRecord = { usage: 2, selector: 1, matchingType: 0, data: ca.publicKey };
    expect((await attempt(hostWith(leaf), dane([bare]))).connection?.tls.verifiedBy).toBe('dane-ta');
    const refused: [TestCertificate, TlsaRecord][] = [
      [leaf, { ...bare, data: good.publicKey }],
      [leaf, { ...bare, data: Buffer.from('nonsense') }],
      [await intermediate.issue({ names: ['other.example.test'] }), parseTlsa(intermediate.tlsa(2, 1))],
      [await intermediate.issue({ names: [name], validity: 'expired' }), parseTlsa(intermediate.tlsa(2, 1))],
      [
        await intermediate.issue({ names: [name], validity: 'not-yet-valid' }),
        parseTlsa(intermediate.tlsa(2, 1)),
      ],
      [await createSelfSignedCertificate({ names: [name] }), parseTlsa(intermediate.tlsa(2, 1))],
      [leaf, parseTlsa((await createCertificateAuthority('Other')).tlsa(2, 1))],
    ];
    for (const [certificate, record] of refused) {
      expect((await attempt(hostWith(certificate), dane([record]))).error?.code).toBe(
        'MB_SMTP_TLS_UNVERIFIED',
      );
    }
  });

  it('TLS-28 an anchor that a server merely sends along, unrelated to its certificate, proves nothing', async () => {
    const self = await createSelfSignedCertificate({ names: [name] });
    const bundle = { ...self, cert: self.cert + ca.root };
    expect((await attempt(hostWith(bundle), dane([parseTlsa(ca.tlsa(2, 1))]))).error?.code).toBe(
      'MB_SMTP_TLS_UNVERIFIED',
    );
  });

  it('TLS-28 2 x x takes the further names that the caller allows', async () => {
    const leaf = await ca.issue({ names: ['example.test'] });
    const whole = { ...leaf, cert: leaf.cert + ca.root };
    const tlsa = [parseTlsa(ca.tlsa(2, 1))];
    expect((await attempt(hostWith(whole), dane(tlsa))).error?.code).toBe('MB_SMTP_TLS_UNVERIFIED');
    const allowed = await attempt(hostWith(whole), dane(tlsa, { alsoNames: ['example.test'] }));
    expect(allowed.connection?.tls.verifiedBy).toBe('dane-ta');
  });

  it('TLS-30 a level of dane without a usable record is the caller’s mistake', async () => {
    for (const tlsa of [undefined, [], [parseTlsa(good.tlsa(1, 1))]]) {
      const options = {
        host: name,
        hostname: 'client.example.org',
        tls: { level: 'dane' as const, ...(tlsa && { tlsa }) },
      };
      expect((await failure(connect(options))).code).toBe('MB_SMTP_OPTION');
    }
  });
});
