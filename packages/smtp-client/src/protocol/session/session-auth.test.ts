import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Talk } from '../../../test/talk.ts';
import { nodeSaslCrypto } from '../../io/sasl-crypto.ts';
import { beginSasl, mechanismsFor, type SaslMechanism } from '../sasl/choose.ts';
import type { SaslCrypto } from '../sasl/mechanism.ts';
import { scramSha256 } from '../sasl/scram.ts';

const verified = { verified: true, description: 'TLSv1.3' };
const unverified = { verified: false, description: 'TLSv1.3' };
const password = 'correct horse';
const credentials = { user: 'tim', password } as const;
const token = { user: 'tim@example.com', accessToken: 'ya29.token' } as const;
const base64 = (text: string) => Buffer.from(text).toString('base64');

function authTalk(offered: string, options: object = {}): Talk {
  const talk = new Talk({ authMechanisms: mechanismsFor(credentials), implicitTls: verified, ...options });
  talk.server('220 mx');
  talk.server('250-mx', `250 AUTH ${offered}`);
  talk.said();
  return talk;
}

/** Answers challenges with real mechanisms until the session wants nothing more. */
async function drive(talk: Talk, who: Parameters<typeof beginSasl>[1] = credentials): Promise<void> {
  let exchange: ReturnType<typeof beginSasl> | undefined;
  for (const event of talk.events.splice(0)) {
    if (event.type !== 'auth-challenge') continue;
    if (event.challenge === undefined) {
      exchange = beginSasl(
        event.mechanism as SaslMechanism,
        who,
        { host: 'mx.example.com', port: 587 },
        nodeSaslCrypto,
      );
      exchanges.set(talk, exchange);
      talk.session.authRespond(await exchange.start(), talk.now);
    } else {
      talk.session.authRespond(await exchanges.get(talk)!.respond(event.challenge), talk.now);
    }
    talk.pump();
  }
}
const exchanges = new Map<Talk, ReturnType<typeof beginSasl>>();

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
    ['LOGIN PLAIN CRAM-MD5', 'CRAM-MD5'],
    ['LOGIN PLAIN', 'PLAIN'],
    ['LOGIN', 'LOGIN'],
  ])('TLS-06 of %s it chooses %s', async (offered, chosen) => {
    const talk = authTalk(offered);
    await drive(talk);
    expect(talk.said()).toMatch(new RegExp(`^AUTH ${chosen}\\b`));
  });

  it('TLS-06 goes on to the next mechanism after 504 and 534, not after 535', async () => {
    const talk = authTalk('LOGIN PLAIN CRAM-MD5');
    await drive(talk);
    talk.server('504 not this one');
    await drive(talk);
    expect(talk.said()).toMatch(/^AUTH CRAM-MD5\r\nAUTH PLAIN/);
    talk.server('535 5.7.8 wrong');
    expect(talk.closed?.error).toMatchObject({
      code: 'MB_SMTP_AUTH_REFUSED',
      reply: { code: 535 },
      retryable: false,
    });
  });

  it('TLS-06 says so when no mechanism is left', async () => {
    expect(authTalk('GSSAPI').closed?.error?.code).toBe('MB_SMTP_AUTH_UNAVAILABLE');
    const talk = authTalk('PLAIN');
    await drive(talk);
    talk.server('504 no');
    expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_AUTH_UNAVAILABLE', reply: { code: 504 } });
  });

  it('TLS-06 LOGIN answers two prompts', async () => {
    const talk = authTalk('LOGIN');
    await drive(talk);
    talk.server(`334 ${base64('Username:')}`);
    await drive(talk);
    talk.server(`334 ${base64('Password:')}`);
    await drive(talk);
    expect(talk.said()).toBe(`AUTH LOGIN\r\n${base64('tim')}\r\n${base64(password)}\r\n`);
    talk.server('235 ok');
    expect(talk.events.at(-1)?.type).toBe('ready');
  });

  it('TLS-06 CRAM-MD5 gives the digest of RFC 2195 §2', async () => {
    const exchange = beginSasl(
      'CRAM-MD5',
      { user: 'tim', password: 'tanstaaftanstaaf' },
      { host: '', port: 0 },
      nodeSaslCrypto,
    );
    const challenge = Buffer.from('<1896.697170952@postoffice.reston.mci.net>');
    expect(Buffer.from(await exchange.respond(challenge)).toString()).toBe(
      'tim b913a602c7eda7a495b4e6e7334d3890',
    );
  });

  it('TLS-06 SCRAM-SHA-256 gives the messages of RFC 7677 §3 and checks the server', async () => {
    const crypto: SaslCrypto = {
      ...nodeSaslCrypto,
      randomBytes: () => Buffer.from('rOprNGfwEbeRWgbNEkqO', 'base64'),
    };
    // The RFC's nonce is base64 text itself, so the random octets are those that it encodes.
    const exchange = scramSha256('user', 'pencil', crypto);
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
  ])('TLS-06 SCRAM-SHA-256 refuses %s', async (_, text) => {
    const exchange = scramSha256('user', 'pencil', nodeSaslCrypto);
    const nonce = Buffer.from((await exchange.start())!)
      .toString()
      .split('r=')[1]!;
    const attempt = async () => exchange.respond(Buffer.from(text.replace('NONCE', nonce)));
    await expect(attempt()).rejects.toMatchObject({ code: 'MB_SMTP_AUTH_SERVER_UNPROVEN' });
  });

  it('TLS-06 SCRAM-SHA-256 refuses a server that does not know the password', async () => {
    const exchange = scramSha256('user', 'pencil', nodeSaslCrypto);
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

  it('TLS-06 OAuth mechanisms send the token and answer an error challenge so that the refusal comes', async () => {
    const talk = authTalk('XOAUTH2 OAUTHBEARER', { authMechanisms: mechanismsFor(token) });
    await drive(talk, token);
    const bearer =
      'n,a=tim@example.com,\x01host=mx.example.com\x01port=587\x01auth=Bearer ya29.token\x01\x01';
    expect(talk.said()).toBe(`AUTH OAUTHBEARER ${base64(bearer)}\r\n`);
    talk.server(`334 ${base64('{"status":"invalid_token"}')}`);
    await drive(talk, token);
    expect(talk.said()).toBe(`${base64('\x01')}\r\n`);
    talk.server('535 5.7.8 expired');
    expect(talk.closed?.error?.code).toBe('MB_SMTP_AUTH_REFUSED');
    const google = authTalk('XOAUTH2', { authMechanisms: mechanismsFor(token) });
    await drive(google, token);
    expect(google.said()).toBe(
      `AUTH XOAUTH2 ${base64('user=tim@example.com\x01auth=Bearer ya29.token\x01\x01')}\r\n`,
    );
  });

  it('TLS-06 an initial response too long for the command line waits for its challenge', async () => {
    const long = { user: 'tim', accessToken: 't'.repeat(2000) };
    const talk = authTalk('XOAUTH2', { authMechanisms: ['XOAUTH2'] });
    await drive(talk, long);
    expect(talk.said()).toBe('AUTH XOAUTH2\r\n');
    talk.server('334 ');
    expect(talk.said()).toContain(base64(`user=tim\x01auth=Bearer ${long.accessToken}\x01\x01`));
  });

  it('TLS-06 credentials stand in no transcript and no error', async () => {
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
