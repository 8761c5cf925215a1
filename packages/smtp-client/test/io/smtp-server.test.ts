import { createSelfSignedCertificate } from '@mb/testkit';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { describe, expect, it } from 'vitest';
import { type ConnectOptions, connect } from '../../src/index.ts';

// The npm package smtp-server, as a server that this project did not write.
const certificate = await createSelfSignedCertificate({ names: ['localhost'] });

async function serve(
  options: SMTPServerOptions,
): Promise<{ port: number; contents: string[]; close(): Promise<void> }> {
  const contents: string[] = [];
  const server = new SMTPServer({
    key: certificate.key,
    cert: certificate.cert,
    authOptional: true,
    onData(stream, _session, callback) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        contents.push(Buffer.concat(pieces).toString('latin1'));
        callback(null);
      });
    },
    onRcptTo({ address }, _session, callback) {
      if (address.startsWith('no'))
        callback(Object.assign(new Error('5.1.1 no such user'), { responseCode: 550 }));
      else callback();
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as { port: number };
  return { port, contents, close: () => new Promise((resolve) => server.close(resolve)) };
}

const dial = (port: number, options: Partial<ConnectOptions> = {}) =>
  connect({ host: 'localhost', addresses: ['127.0.0.1'], port, hostname: 'client.example.org', ...options });

describe('smtp-server', () => {
  it('SMTP-20 SMTP-31 takes messages that cross each other inside TLS, octet for octet', async () => {
    const server = await serve({});
    const connection = await dial(server.port, { tls: { level: 'verified', ca: certificate.cert } });
    const texts = Array.from(
      { length: 50 },
      (_, at) => `Subject: ${at}\r\n\r\n.\r\n..dots\r\n\r\n${'x'.repeat(at * 50)}\r\n`,
    );
    const outcomes = await Promise.all(
      texts.map((text) =>
        connection.deliver(
          { from: 'a@example.org', to: ['b@example.com', 'no@example.com'] },
          Buffer.from(text),
        ),
      ),
    );
    for (const { recipients } of outcomes)
      expect(recipients.map(({ status }) => status)).toEqual(['delivered', 'failed']);
    expect(server.contents).toEqual(texts);
    await connection.close();
    await server.close();
  });

  it.each(['PLAIN', 'LOGIN', 'CRAM-MD5', 'XOAUTH2'] as const)(
    'TLS-15 takes credentials by %s',
    async (mechanism) => {
      const server = await serve({
        authOptional: false,
        authMethods: [mechanism],
        onAuth(auth, _session, callback) {
          const good =
            auth.validatePassword?.('secret') || auth.password === 'secret' || auth.accessToken === 'secret';
          callback(good && auth.username === 'tim' ? null : new Error('no'), { user: 'tim' });
        },
      });
      const tls = { level: 'verified', ca: certificate.cert } as const;
      const credentials = (secret: string) =>
        mechanism === 'XOAUTH2' ? { user: 'tim', accessToken: secret } : { user: 'tim', password: secret };
      const connection = await dial(server.port, { tls, auth: credentials('secret') });
      const { recipients } = await connection.deliver(
        { from: '', to: ['b@example.com'] },
        Buffer.from('x\r\n'),
      );
      expect(recipients[0]!.status).toBe('delivered');
      await connection.close();
      await expect(dial(server.port, { tls, auth: credentials('wrong') })).rejects.toMatchObject({
        code: 'MB_SMTP_AUTH_REFUSED',
      });
      await server.close();
    },
  );

  it('SESS-06 speaks LMTP', async () => {
    const server = await serve({ lmtp: true });
    const connection = await dial(server.port, { protocol: 'lmtp' });
    const { recipients } = await connection.deliver(
      { from: '', to: ['b@example.com', 'no@example.com'] },
      Buffer.from('x\r\n'),
    );
    expect(recipients.map(({ status }) => status)).toEqual(['delivered', 'failed']);
    await connection.close();
    await server.close();
  });
});
