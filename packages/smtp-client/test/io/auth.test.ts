import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { type AuthExchange, createCertificateAuthority, startSmtpHost } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { type AuthOptions, connect, type SaslMechanism, SmtpError } from '../../src/index.ts';

const name = 'mx.example.test';
const ca = await createCertificateAuthority();
const { key, cert } = await ca.issue({ names: [name] });
const user = { user: 'tim', password: 'pencil' } as const;

type Serve = (exchange: AuthExchange) => Promise<string | number>;

/** Authenticates over TLS at a host that does as `serve` says; the code of the error, or `ready`. */
async function authenticate(
  mechanisms: readonly string[],
  serve: Serve,
  auth: AuthOptions = user,
  maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
): Promise<string> {
  await using host = await startSmtpHost({
    tls: { key, cert, maxVersion },
    auth: { mechanisms, exchange: serve },
  });
  try {
    const connection = await connect({
      host: name,
      addresses: [host.address],
      port: host.port,
      hostname: 'client.example.org',
      tls: { level: 'verified', ca: ca.root },
      auth,
    });
    await connection.close();
    return 'ready';
  } catch (error) {
    if (!SmtpError.isInstance(error)) throw error;
    return error.code;
  }
}

const variants = [
  ['SCRAM-SHA-256', 'sha256', 32],
  ['SCRAM-SHA-256-PLUS', 'sha256', 32],
  ['SCRAM-SHA-1', 'sha1', 20],
  ['SCRAM-SHA-1-PLUS', 'sha1', 20],
] as const;
const salt = Buffer.from('QSXCR+Q6sek8bf92', 'base64');

describe('SCRAM over a connection', () => {
  for (const [mechanism, hash, octets] of variants) {
    /** The server's side; it checks nothing of the client and signs with what `password` makes. */
    const run = async (
      exchange: AuthExchange,
      password: string,
      end: 'server-final' | 'in-235' | 'nothing',
    ) => {
      const first = exchange.initial!.toString();
      const bare = first.slice(first.indexOf('n='));
      const serverFirst = `r=${/r=([^,]*)/.exec(bare)![1]}server,s=${salt.toString('base64')},i=4096`;
      const final = (await exchange.challenge(serverFirst)).toString();
      const salted = pbkdf2Sync(password, salt, 4096, octets, hash);
      const hmac = (secret: Buffer, text: string) => createHmac(hash, secret).update(text).digest();
      const message = `${bare},${serverFirst},${final.slice(0, final.indexOf(',p='))}`;
      const proof = Buffer.from(/,p=(.*)/.exec(final)![1]!, 'base64');
      const clientKey = hmac(salted, 'Client Key');
      const signature = hmac(createHash(hash).update(clientKey).digest(), message);
      // The octets that the client says it knows of the password.
      const known = proof.every((octet, index) => (octet ^ signature[index]!) === clientKey[index]);
      const verifier = `v=${hmac(hmac(salted, 'Server Key'), message).toString('base64')}`;
      if (end === 'server-final') await exchange.challenge(verifier);
      return {
        known,
        answer: end === 'in-235' ? `235 ${Buffer.from(verifier).toString('base64')}` : '235 2.7.0 welcome',
      };
    };

    it(`TLS-15 ${mechanism}: a server that knows the password, over TLS 1.2 and 1.3`, async () => {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        for (const end of ['server-final', 'in-235'] as const) {
          let known = false;
          const code = await authenticate(
            [mechanism],
            async (exchange) => {
              const result = await run(exchange, 'pencil', end);
              known = result.known;
              return result.answer;
            },
            user,
            version,
          );
          expect([code, known]).toEqual(['ready', true]);
        }
      }
    });

    it.each<[string, Serve]>([
      ['235 at once', () => Promise.resolve('235 2.7.0 welcome')],
      ['235 at once with data', () => Promise.resolve(`235 ${Buffer.from('v=AAAA').toString('base64')}`)],
      ['any 334 and 235', (exchange) => exchange.challenge('anything').then(() => 235)],
      ['an empty 334 and 235', (exchange) => exchange.challenge('').then(() => 235)],
      ['235 without the signature', async (exchange) => (await run(exchange, 'guess', 'nothing')).answer],
      [
        'a wrong signature in a 334',
        async (exchange) => (await run(exchange, 'guess', 'server-final')).answer,
      ],
      ['a wrong signature in its 235', async (exchange) => (await run(exchange, 'guess', 'in-235')).answer],
      [
        'an error in a 334 and 235',
        async (exchange) => {
          const first = exchange.initial!.toString();
          const nonce = /r=([^,]*)/.exec(first)![1];
          await exchange.challenge(`r=${nonce}x,s=${salt.toString('base64')},i=4096`);
          await exchange.challenge('e=other-error');
          return 235;
        },
      ],
    ])(`TLS-14 ${mechanism} refuses a server that proves nothing: %s`, async (_, serve) => {
      expect(await authenticate([mechanism], serve)).toBe('MB_SMTP_AUTH_SERVER_UNPROVEN');
    });
  }

  it('TLS-36 the data of both channel bindings are those of the session', async () => {
    for (const [version, type, length] of [
      ['TLSv1.2', 'tls-server-end-point', 32],
      ['TLSv1.3', 'tls-exporter', 32],
    ] as const) {
      let header = '';
      let data = Buffer.alloc(0);
      await authenticate(
        ['SCRAM-SHA-256-PLUS'],
        async (exchange) => {
          const first = exchange.initial!.toString();
          const nonce = /r=([^,]*)/.exec(first)![1];
          const final = await exchange.challenge(`r=${nonce}x,s=${salt.toString('base64')},i=4096`);
          const input = Buffer.from(/c=([^,]*)/.exec(final.toString())![1]!, 'base64');
          header = input.subarray(0, input.length - length).toString();
          data = input.subarray(input.length - length);
          return 535;
        },
        user,
        version,
      );
      expect(header).toBe(`p=${type},,`);
      const leaf = Buffer.from(cert.split('-----')[2]!, 'base64');
      if (version === 'TLSv1.2') expect(data).toEqual(createHash('sha256').update(leaf).digest());
      else expect(data.some((octet) => octet !== 0)).toBe(true);
    }
  });
});

describe('credentials as a function', () => {
  it('TLS-32 are asked for before the session and once more after 535', async () => {
    const asked: (number | undefined)[] = [];
    const tokens: string[] = [];
    const auth: AuthOptions = {
      credentials: async ({ refused }) => {
        asked.push(refused?.code);
        return { user: 'tim', accessToken: refused ? 'fresh' : 'stale' };
      },
    };
    const serve: Serve = async ({ initial }) => {
      const token = /Bearer ([^\x01]*)/.exec(initial!.toString())![1]!;
      tokens.push(token);
      return token === 'fresh' ? 235 : '535 5.7.8 expired';
    };
    expect(await authenticate(['XOAUTH2', 'PLAIN'], serve, auth)).toBe('ready');
    expect(asked).toEqual([undefined, 535]);
    expect(tokens).toEqual(['stale', 'fresh']);
    asked.length = 0;
    expect(await authenticate(['XOAUTH2'], async () => '535 5.7.8 no', auth)).toBe('MB_SMTP_AUTH_REFUSED');
    expect(asked).toEqual([undefined, 535]);
  });

  it('TLS-35 a function that fails, or returns no credentials, is distinguished from a refusal', async () => {
    const serve: Serve = async () => 235;
    const failing = { credentials: () => Promise.reject(new Error('vault is sealed')) };
    expect(await authenticate(['PLAIN'], serve, failing)).toBe('MB_SMTP_CREDENTIALS');
    const wrong = { credentials: () => ({ user: 'tim' }) as never };
    expect(await authenticate(['PLAIN'], serve, wrong)).toBe('MB_SMTP_OPTION');
  });
});

describe('mechanisms of the caller', () => {
  it('TLS-08 get what the server offers and the state of TLS, and may decline', async () => {
    const seen: unknown[] = [];
    const declining: SaslMechanism = { name: 'GSSAPI', begin: () => undefined };
    const external: SaslMechanism = {
      name: 'EXTERNAL',
      begin({ offered, channel, host, credentials }) {
        seen.push([offered, channel.secure, channel.verified, channel.binding?.type, host, credentials]);
        return { complete: true, start: () => Buffer.from('tim'), respond: () => new Uint8Array(0) };
      },
    };
    const mechanisms = [declining, external];
    const serve: Serve = async ({ mechanism, initial }) =>
      mechanism === 'EXTERNAL' && `${initial}` === 'tim' ? 235 : 535;
    expect(await authenticate(['GSSAPI', 'EXTERNAL', 'PLAIN'], serve, { mechanisms })).toBe('ready');
    expect(seen).toEqual([[['GSSAPI', 'EXTERNAL', 'PLAIN'], true, true, 'tls-exporter', name, undefined]]);
    const both = { ...user, mechanisms: [declining, 'PLAIN' as const] };
    expect(
      await authenticate(
        ['GSSAPI', 'PLAIN'],
        async ({ mechanism }) => (mechanism === 'PLAIN' ? 235 : 535),
        both,
      ),
    ).toBe('ready');
  });
});

describe('a server that repeats what it was sent', () => {
  const secret = 'correct horse battery';
  const token = 'ya29.a0AfH6SMBx-token_of-some~length';
  const cases: readonly (readonly [mechanism: string, auth: AuthOptions])[] = [
    ['PLAIN', { user: 'tim', password: secret }],
    ['LOGIN', { user: 'tim', password: secret }],
    ['XOAUTH2', { user: 'tim', accessToken: token }],
    ['OAUTHBEARER', { user: 'tim', accessToken: token }],
  ];

  it.each(cases)(
    'TLS-09 %s: credentials are masked in error, reply and transcript',
    async (mechanism, auth) => {
      const sent: string[] = [];
      await using host = await startSmtpHost({
        tls: { key, cert },
        auth: {
          mechanisms: [mechanism],
          exchange: async (exchange) => {
            if (exchange.initial) sent.push(exchange.initial.toString('base64'));
            else {
              sent.push((await exchange.challenge('Username:')).toString('base64'));
              sent.push((await exchange.challenge('Password:')).toString('base64'));
            }
            return `535 5.7.8 AUTH ${mechanism} ${sent.join(' ')} refused, ${Buffer.from(
              sent.at(-1)!,
              'base64',
            )
              .toString()
              .replaceAll(/[^ -~]/g, '?')}`;
          },
        },
      });
      const seen: string[] = [];
      const error = await connect({
        host: name,
        addresses: [host.address],
        port: host.port,
        hostname: 'client.example.org',
        tls: { level: 'verified', ca: ca.root },
        auth,
        onTranscript: ({ text }) => seen.push(text),
      }).catch((failure) => failure);
      expect(error).toMatchObject({ code: 'MB_SMTP_AUTH_REFUSED', reply: { code: 535 } });
      expect(sent.length).toBeGreaterThan(0);
      const told = JSON.stringify([error, error.message, error.reply, error.transcript, seen]);
      for (const text of [
        secret,
        token,
        ...sent.filter((each) => each !== Buffer.from('tim').toString('base64')),
      ])
        expect(told).not.toContain(text);
    },
  );
});
