import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Talk } from '../../../test/talk.ts';
import { nodeSaslCrypto } from '../../io/sasl-crypto.ts';
import { mechanismsFor, type SaslMechanismName, saslMechanisms } from '../sasl/choose.ts';
import type { ChannelBinding, Credentials, SaslCrypto, SaslExchange } from '../sasl/mechanism.ts';

const verified = { verified: true, description: 'TLSv1.3' };
const unverified = { verified: false, description: 'TLSv1.3' };
const password = 'correct horse';
const credentials = { user: 'tim', password } as const;
const token = { user: 'tim@example.com', accessToken: 'ya29.token' } as const;
const base64 = (text: string) => Buffer.from(text).toString('base64');

function authTalk(offered: string, options: object = {}): Talk {
  const authMechanisms = (verified: boolean) => mechanismsFor(credentials, verified);
  const talk = new Talk({ authMechanisms, implicitTls: verified, ...options });
  talk.server('220 mx');
  talk.server('250-mx', `250 AUTH ${offered}`);
  talk.said();
  return talk;
}

/** A run of one of our mechanisms. */
function begin(
  mechanism: SaslMechanismName,
  credentials: Credentials,
  more: { crypto?: SaslCrypto; offered?: readonly string[]; binding?: ChannelBinding } = {},
): SaslExchange | undefined {
  const { crypto = nodeSaslCrypto, offered = [mechanism], binding } = more;
  const channel = { secure: true, verified: true, ...(binding && { binding }) };
  const context = { credentials, host: 'mx.example.com', port: 587, offered, channel, crypto };
  return saslMechanisms[mechanism].begin(context) as SaslExchange | undefined;
}

/** Answers challenges with real mechanisms until the session wants nothing more. */
async function drive(talk: Talk, who: Credentials = credentials): Promise<void> {
  for (const event of talk.events.splice(0)) {
    if (event.type === 'auth-challenge' && event.challenge === undefined) {
      const { mechanism, offered } = event;
      const exchange = begin(mechanism as SaslMechanismName, who, { offered });
      if (exchange) {
        exchanges.set(talk, exchange);
        talk.session.authRespond(await exchange.start(), talk.now, ['password' in who ? who.password : '']);
      } else {
        talk.session.authDecline(talk.now);
      }
    } else if (event.type === 'auth-challenge') {
      talk.session.authRespond(await exchanges.get(talk)!.respond(event.challenge!), talk.now);
    } else if (event.type === 'auth-succeeded' && exchanges.get(talk)!.complete) {
      talk.session.authConfirm(talk.now);
    }
    talk.pump();
  }
}
const exchanges = new Map<Talk, SaslExchange>();

describe('AUTH', () => {
  it('TLS-06 sends no credentials in clear text or to an unverified server', () => {
    for (const implicitTls of [undefined, unverified]) {
      const talk = authTalk('PLAIN', { implicitTls });
      expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_AUTH_INSECURE', kind: 'tls' });
      expect(talk.said()).toBe('');
    }
  });

  it('TLS-06 sends them anyway when the caller opted in', async () => {
    const talk = authTalk('PLAIN', { implicitTls: undefined, insecureAuth: true });
    await drive(talk);
    expect(talk.said()).toBe(`AUTH PLAIN ${base64(`\0tim\0${password}`)}\r\n`);
  });

  it.each([
    ['LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256', 'SCRAM-SHA-256'],
    ['LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1', 'SCRAM-SHA-1'],
    ['LOGIN PLAIN CRAM-MD5', 'PLAIN'],
    ['CRAM-MD5 LOGIN', 'LOGIN'],
    ['CRAM-MD5', 'CRAM-MD5'],
  ])('TLS-07 of %s it chooses %s', async (offered, chosen) => {
    const talk = authTalk(offered);
    await drive(talk);
    expect(talk.said()).toMatch(new RegExp(`^AUTH ${chosen}\\b`));
  });

  it('TLS-07 over a channel that does not protect the password CRAM-MD5 comes before PLAIN', async () => {
    for (const implicitTls of [undefined, unverified]) {
      const talk = authTalk('LOGIN PLAIN CRAM-MD5', { implicitTls, insecureAuth: true, starttls: 'never' });
      await drive(talk);
      expect(talk.said()).toMatch(/^AUTH CRAM-MD5\r\n/);
    }
  });

  it('TLS-31 goes on to the next mechanism after 504, 534 and 538', async () => {
    const talk = authTalk('LOGIN PLAIN CRAM-MD5');
    for (const code of [504, 534, 538]) {
      await drive(talk);
      talk.server(`${code} not this one`);
    }
    expect(talk.said()).toMatch(/^AUTH PLAIN [^\n]*\nAUTH LOGIN\r\nAUTH CRAM-MD5\r\n$/);
    expect(talk.closed?.error?.code).toBe('MB_SMTP_AUTH_UNAVAILABLE');
  });

  it('TLS-33 goes on to the next mechanism after 535 once', async () => {
    const talk = authTalk('LOGIN PLAIN CRAM-MD5');
    await drive(talk);
    talk.server('535 5.7.8 wrong');
    await drive(talk);
    talk.server('535 5.7.8 wrong again');
    expect(talk.said()).toMatch(/^AUTH PLAIN [^\n]*\nAUTH LOGIN\r\n$/);
    expect(talk.closed?.error).toMatchObject({
      code: 'MB_SMTP_AUTH_REFUSED',
      reply: { code: 535, lines: ['5.7.8 wrong again'] },
      retryable: false,
    });
  });

  it('TLS-33 with one mechanism 535 is final, and 454 is temporary with several', async () => {
    for (const [offered, code, retryable] of [
      ['PLAIN', 535, false],
      ['PLAIN LOGIN', 454, true],
    ] as const) {
      const talk = authTalk(offered);
      await drive(talk);
      talk.server(`${code} no`);
      expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_AUTH_REFUSED', retryable });
    }
  });

  it('TLS-33 a server that hangs up after its 535 has refused the credentials', async () => {
    for (const end of [
      (talk: Talk) => talk.end(),
      (talk: Talk) => talk.server('421 4.7.0 too many errors'),
    ]) {
      const talk = authTalk('LOGIN PLAIN');
      await drive(talk);
      talk.server('535 5.7.8 wrong');
      await drive(talk);
      end(talk);
      expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_AUTH_REFUSED', reply: { code: 535 } });
    }
  });

  it('TLS-32 asks for other credentials once after 535, then for another mechanism once', async () => {
    const talk = authTalk('LOGIN PLAIN CRAM-MD5', { authRenewable: true });
    const asked: unknown[] = [];
    for (let tries = 0; tries < 4 && !talk.closed; tries++) {
      asked.push(
        ...talk.events.flatMap((event) =>
          event.type === 'auth-challenge' ? [[event.mechanism, event.refused?.code]] : [],
        ),
      );
      await drive(talk);
      talk.server('535 5.7.8 wrong');
    }
    expect(asked).toEqual([
      ['PLAIN', undefined],
      ['PLAIN', 535],
      ['LOGIN', undefined],
    ]);
    expect(talk.closed?.error?.code).toBe('MB_SMTP_AUTH_REFUSED');
  });

  it('TLS-34 passes over a mechanism that the driver declines', async () => {
    const talk = authTalk('SCRAM-SHA-256-PLUS PLAIN');
    await drive(talk);
    await drive(talk);
    expect(talk.said()).toMatch(/^AUTH PLAIN/);
    const none = authTalk('SCRAM-SHA-256-PLUS');
    await drive(none);
    expect(none.closed?.error?.code).toBe('MB_SMTP_AUTH_UNAVAILABLE');
  });

  it('TLS-42 fails when no mechanism is left', async () => {
    expect(authTalk('GSSAPI').closed?.error?.code).toBe('MB_SMTP_AUTH_UNAVAILABLE');
    const talk = authTalk('PLAIN');
    await drive(talk);
    talk.server('504 no');
    expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_AUTH_UNAVAILABLE', reply: { code: 504 } });
  });

  it('TLS-15 LOGIN answers two prompts', async () => {
    const talk = authTalk('LOGIN');
    await drive(talk);
    talk.server(`334 ${base64('Username:')}`);
    await drive(talk);
    talk.server(`334 ${base64('Password:')}`);
    await drive(talk);
    expect(talk.said()).toBe(`AUTH LOGIN\r\n${base64('tim')}\r\n${base64(password)}\r\n`);
    talk.server('235 ok');
    expect(talk.session.state).toBe('authenticated');
    await drive(talk);
    expect(talk.events.at(-1)?.type).toBe('ready');
  });

  it('TLS-15 CRAM-MD5 gives the digest of RFC 2195 §2', async () => {
    const exchange = begin('CRAM-MD5', { user: 'tim', password: 'tanstaaftanstaaf' })!;
    const challenge = Buffer.from('<1896.697170952@postoffice.reston.mci.net>');
    expect(Buffer.from(await exchange.respond(challenge)).toString()).toBe(
      'tim b913a602c7eda7a495b4e6e7334d3890',
    );
  });

  it('TLS-15 SCRAM-SHA-256 gives the messages of RFC 7677 §3 and checks the server', async () => {
    const crypto: SaslCrypto = {
      ...nodeSaslCrypto,
      randomBytes: () => Buffer.from('rOprNGfwEbeRWgbNEkqO', 'base64'),
    };
    // The RFC's nonce is base64 text itself, so the random octets are those that it encodes.
    const exchange = begin('SCRAM-SHA-256', { user: 'user', password: 'pencil' }, { crypto })!;
    expect(Buffer.from((await exchange.start())!).toString()).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
    const first = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
    expect(Buffer.from(await exchange.respond(Buffer.from(first))).toString()).toBe(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    );
    expect(exchange.complete).toBe(false);
    await exchange.respond(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='));
    expect(exchange.complete).toBe(true);
  });

  it.each([
    ['a foreign nonce', 'r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'],
    ['too few iterations', 'r=NONCEx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1'],
    ['too many iterations', 'r=NONCEx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999'],
    ['no salt', 'r=NONCEx,i=4096'],
    ['garbage', '\u0000\u00ff'],
  ])('TLS-14 SCRAM-SHA-256 refuses %s', async (_, text) => {
    const exchange = begin('SCRAM-SHA-256', { user: 'user', password: 'pencil' })!;
    const nonce = Buffer.from((await exchange.start())!)
      .toString()
      .split('r=')[1]!;
    const attempt = async () => exchange.respond(Buffer.from(text.replace('NONCE', nonce)));
    await expect(attempt()).rejects.toMatchObject({ code: 'MB_SMTP_AUTH_SERVER_UNPROVEN' });
  });

  it('TLS-14 SCRAM-SHA-256 refuses a server that does not know the password', async () => {
    const exchange = begin('SCRAM-SHA-256', { user: 'user', password: 'pencil' })!;
    const nonce = Buffer.from((await exchange.start())!)
      .toString()
      .split('r=')[1]!;
    await exchange.respond(Buffer.from(`r=${nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`));
    const salted = pbkdf2Sync('guess', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), 4096, 32, 'sha256');
    const key = createHmac('sha256', salted).update('Server Key').digest();
    const wrong = createHmac('sha256', key).update(createHash('sha256').digest()).digest('base64');
    const attempt = async () => exchange.respond(Buffer.from(`v=${wrong}`));
    await expect(attempt()).rejects.toMatchObject({ code: 'MB_SMTP_AUTH_SERVER_UNPROVEN' });
  });

  it('TLS-15 OAuth mechanisms send the token and answer an error challenge so that the refusal comes', async () => {
    const talk = authTalk('XOAUTH2 OAUTHBEARER', { authMechanisms: mechanismsFor(token, true) });
    await drive(talk, token);
    const bearer =
      'n,a=tim@example.com,\x01host=mx.example.com\x01port=587\x01auth=Bearer ya29.token\x01\x01';
    expect(talk.said()).toBe(`AUTH OAUTHBEARER ${base64(bearer)}\r\n`);
    talk.server(`334 ${base64('{"status":"invalid_token"}')}`);
    await drive(talk, token);
    expect(talk.said()).toBe(`${base64('\x01')}\r\n`);
    talk.server('535 5.7.8 expired');
    await drive(talk, token);
    talk.server('535 5.7.8 expired');
    expect(talk.closed?.error?.code).toBe('MB_SMTP_AUTH_REFUSED');
    const google = authTalk('XOAUTH2', { authMechanisms: mechanismsFor(token, true) });
    await drive(google, token);
    expect(google.said()).toBe(
      `AUTH XOAUTH2 ${base64('user=tim@example.com\x01auth=Bearer ya29.token\x01\x01')}\r\n`,
    );
  });

  it('TLS-15 an initial response too long for the command line waits for its challenge', async () => {
    const long = { user: 'tim', accessToken: 't'.repeat(2000) };
    const talk = authTalk('XOAUTH2', { authMechanisms: ['XOAUTH2'] });
    await drive(talk, long);
    expect(talk.said()).toBe('AUTH XOAUTH2\r\n');
    talk.server('334 ');
    expect(talk.said()).toContain(base64(`user=tim\x01auth=Bearer ${long.accessToken}\x01\x01`));
  });

  it('TLS-15 SCRAM-SHA-1 gives the messages of RFC 5802 §5', async () => {
    const crypto = {
      ...nodeSaslCrypto,
      randomBytes: () => Buffer.from('fyko+d2lbbFgONRv9qkxdawL', 'base64'),
    };
    const exchange = begin('SCRAM-SHA-1', { user: 'user', password: 'pencil' }, { crypto })!;
    expect(Buffer.from((await exchange.start())!).toString()).toBe('n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL');
    const first = 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096';
    expect(Buffer.from(await exchange.respond(Buffer.from(first))).toString()).toBe(
      'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    );
    await exchange.respond(Buffer.from('v=rmF9pqV8S7suAoZWja4dJRkFsKQ='));
    expect(exchange.complete).toBe(true);
  });

  it('TLS-37 SCRAM tells the server when its offer of -PLUS is missing', async () => {
    const binding = { type: 'tls-exporter', data: Uint8Array.from([1, 2, 3]) } as const;
    const start = async (name: SaslMechanismName, more: Parameters<typeof begin>[2]) =>
      Buffer.from((await begin(name, credentials, more)!.start())!)
        .toString()
        .slice(0, 18);
    // RFC 5802 §6: `y` says that we could bind and the server did not offer it, `n` that we could not.
    expect(await start('SCRAM-SHA-256', { binding })).toMatch(/^y,,n=/);
    expect(
      await start('SCRAM-SHA-256', { binding, offered: ['SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'] }),
    ).toMatch(/^n,,/);
    expect(await start('SCRAM-SHA-256', {})).toMatch(/^n,,/);
  });

  it('TLS-36 SCRAM-PLUS binds to the channel, and is not possible without one', async () => {
    const binding = { type: 'tls-exporter', data: Uint8Array.from([1, 2, 3]) } as const;
    expect(begin('SCRAM-SHA-256-PLUS', credentials)).toBeUndefined();
    const exchange = begin('SCRAM-SHA-256-PLUS', credentials, { binding })!;
    const start = Buffer.from((await exchange.start())!).toString();
    expect(start).toMatch(/^p=tls-exporter,,n=/);
    const nonce = start.split('r=')[1]!;
    const final = await exchange.respond(Buffer.from(`r=${nonce}x,s=QSXCR+Q6sek8bf92,i=4096`));
    const input = Buffer.concat([Buffer.from('p=tls-exporter,,'), binding.data]).toString('base64');
    expect(Buffer.from(final).toString()).toContain(`c=${input},`);
  });

  it.each([
    [
      'base64, cut by lines',
      (b64: string) => [
        `535-5.7.8 AUTH PLAIN ${b64.slice(0, 9)}`,
        `535-${b64.slice(9, 17)}`,
        `535 ${b64.slice(17)} is wrong`,
      ],
    ],
    [
      'base64 with blanks and in other case',
      (b64: string) => [`535 ${b64.slice(0, 8).toUpperCase()} ${b64.slice(8)}`],
    ],
    ['base64 cut short', (b64: string) => [`535 5.7.8 no: ${b64.slice(0, 18)}...`]],
    ['the password', () => [`535 "${password}" is not the password`]],
    ['the password in base64', () => [`535 ${base64(password)}`]],
    ['the password cut by lines', () => [`535-${password.slice(0, 6)}`, `535 ${password.slice(6)} is wrong`]],
  ])('TLS-09 masks credentials that the server repeats: %s', async (_, lines) => {
    const seen: string[] = [];
    const talk = authTalk('PLAIN', { onTranscript: ({ text }: { text: string }) => seen.push(text) });
    await drive(talk);
    const b64 = base64(`\0tim\0${password}`);
    talk.server(...lines(b64));
    const error = talk.closed?.error;
    expect(error?.reply?.code).toBe(535);
    const told = JSON.stringify([error, error?.message, error?.reply, talk.session.transcript, seen])
      .replace(/535[- ]|\W/g, '')
      .toLowerCase();
    for (const secret of [password, base64(password), b64.slice(-14), b64.slice(2, 16)])
      expect(told).not.toContain(secret.replace(/\W/g, '').toLowerCase());
    expect(error?.reply?.lines.join()).toContain('***');
  });

  it('TLS-09 masks them in later replies of the session too, and nothing else', async () => {
    const talk = authTalk('PLAIN');
    await drive(talk);
    talk.server('235 2.7.0 welcome tim');
    await drive(talk);
    expect(talk.session.transcript.at(-1)?.text).toBe('235 2.7.0 welcome tim');
    const id = talk.submit({}, 'x');
    talk.server(`550 5.7.1 ${password} may not send`);
    expect(talk.results(id)?.[0]?.reply?.lines).toEqual(['5.7.1 *** may not send']);
  });

  it('TLS-13 credentials appear in no transcript and no error', async () => {
    for (const offered of ['PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-256']) {
      const talk = authTalk(offered);
      await drive(talk);
      talk.server(`334 ${base64('x')}`);
      await drive(talk).catch(() => {});
      talk.server('535 no');
      const told = JSON.stringify([talk.session.transcript, talk.closed]);
      for (const secret of [password, base64(password), base64(`\0tim\0${password}`)])
        expect(told).not.toContain(secret);
    }
  });

  it('closes the session for a challenge that is not base64', async () => {
    const talk = authTalk('LOGIN');
    await drive(talk);
    talk.server('334 ***');
    expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_REPLY_SYNTAX', stage: 'auth' });
  });
});
