import { readFileSync } from 'node:fs';
import { type AuthOptions, type ConnectOptions, connect, SmtpError } from '@mb/smtp-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CertificateAuthority, makeAuthority } from '../lab/certificate.ts';
import { type Exim, startExim } from '../lab/exim.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { type DovecotAuthentication, startDovecotAuthentication } from './dovecot.ts';
import { dial, expectStored, uglyMessage } from './traffic.ts';

let authority: CertificateAuthority;
let ca: string;

beforeAll(async () => {
  authority = await makeAuthority();
  ca = readFileSync(authority.certificateFile, 'utf8');
}, 300_000);

/** Connects, and gives the connection's TLS state and transcript, or the error that says why not. */
async function outcome(address: string, options: Partial<ConnectOptions>) {
  try {
    const connection = await connect({
      host: 'mx.example.test',
      addresses: [address],
      hostname: 'client.example.org',
      ...options,
    });
    const { tls, transcript } = connection;
    await connection.close();
    return { code: 'connected', tls, said: transcript.map(({ text }) => text).join('\n') };
  } catch (error) {
    if (!SmtpError.isInstance(error)) throw error;
    const { code, tls, reply, transcript = [] } = error;
    return { code, tls, reply, said: transcript.map(({ text }) => text).join('\n') };
  }
}

describe('Postfix with the passwords of Dovecot', () => {
  const address = '127.0.9.61';
  let dovecot: DovecotAuthentication;
  let postfix: Postfix;

  beforeAll(async () => {
    dovecot = await startDovecotAuthentication('127.0.0.1', 12_345, { tim: 'pencil' });
    postfix = await startPostfix({
      hostname: 'mx.example.test',
      addresses: [address],
      mailboxes: ['ada@example.test'],
      certificate: await authority.issue({ names: ['mx.example.test'] }),
      settings: {
        smtpd_sasl_auth_enable: 'yes',
        smtpd_sasl_type: 'dovecot',
        smtpd_sasl_path: 'inet:127.0.0.1:12345',
        smtpd_tls_auth_only: 'yes',
      },
    });
  }, 300_000);

  afterAll(async () => {
    await postfix?.stop();
    await dovecot?.stop();
  });

  const authenticate = (auth: AuthOptions) => outcome(address, { tls: { level: 'verified', ca }, auth });

  it.each(['SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5', 'PLAIN', 'LOGIN'] as const)(
    'TLS-06 takes the password by %s, and refuses a wrong one',
    async (mechanism) => {
      const right = await authenticate({ user: 'tim', password: 'pencil', mechanisms: [mechanism] });
      expect(right.code, dovecot.output()).toBe('connected');
      expect(right.said).toContain(`AUTH ${mechanism}`);
      const wrong = await authenticate({ user: 'tim', password: 'crayon', mechanisms: [mechanism] });
      expect(wrong).toMatchObject({ code: 'MB_SMTP_AUTH_REFUSED', reply: { code: 535 } });
      for (const said of [right.said, wrong.said]) {
        for (const secret of ['pencil', 'crayon']) {
          expect(said).not.toContain(secret);
          expect(said).not.toContain(Buffer.from(`\0tim\0${secret}`).toString('base64'));
          expect(said).not.toContain(Buffer.from(secret).toString('base64'));
        }
      }
    },
    30_000,
  );

  it('TLS-07 begins with the strongest mechanism that the channel needs', async () => {
    const { said } = await authenticate({ user: 'tim', password: 'pencil' });
    expect(/AUTH (\S+)/.exec(said)?.[1]).toBe('SCRAM-SHA-256');
  });
});

describe('Exim that wants a certificate of its clients', () => {
  const address = '127.0.9.62';
  let exim: Exim;

  beforeAll(async () => {
    exim = await startExim({
      hostname: 'mx.example.test',
      addresses: [address],
      mailboxes: ['ada@example.test'],
      certificate: await authority.issue({ names: ['mx.example.test'] }),
      settings: ['tls_verify_hosts = *', `tls_verify_certificates = ${authority.certificateFile}`],
    });
  }, 300_000);

  afterAll(() => exim?.stop());

  it('TLS-11 rejects the handshake after its end: opportunistic falls back to clear text', async () => {
    const connection = await dial(address, { host: 'mx.example.test', addresses: [address] });
    expect(connection.tls).toMatchObject({ secure: false, failure: { type: expect.any(String) } });
    const envelope = { from: 'a@example.org', to: ['ada@example.test'] };
    const { recipients } = await connection.deliver(envelope, uglyMessage('fallen-back'));
    expect(recipients, exim.output()).toMatchObject([{ status: 'delivered' }]);
    await connection.close();
    expectStored(await exim.waitForMessages('ada@example.test', 1), ['fallen-back']);
  }, 30_000);

  it('TLS-11 and what needs TLS gets an error that says so', async () => {
    for (const tls of [{ level: 'required' }, { level: 'verified', ca }] as const) {
      const refused = await outcome(address, { tls });
      expect(refused, exim.output()).toMatchObject({
        code: 'MB_SMTP_TLS_HANDSHAKE',
        tls: { level: tls.level },
      });
    }
  }, 30_000);
});

describe('Postfix with a certificate that names its host in the common name alone', () => {
  const address = '127.0.9.63';
  let postfix: Postfix;

  beforeAll(async () => {
    postfix = await startPostfix({
      hostname: 'mx.example.test',
      addresses: [address],
      mailboxes: ['ada@example.test'],
      certificate: await authority.issue({ names: ['mx.example.test'], commonNameOnly: true }),
    });
  }, 300_000);

  afterAll(() => postfix?.stop());

  it('TLS-10 is not verified, and is good enough for encryption', async () => {
    const refused = await outcome(address, { tls: { level: 'verified', ca } });
    expect(refused).toMatchObject({
      code: 'MB_SMTP_TLS_UNVERIFIED',
      tls: { failure: { type: 'certificate-host-mismatch' } },
    });
    const taken = await outcome(address, { tls: { level: 'required', ca } });
    expect(taken).toMatchObject({ code: 'connected', tls: { secure: true, verifiedBy: 'none' } });
  }, 30_000);
});
