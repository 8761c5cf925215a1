import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAuthority } from '../lab/certificate.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';
import { type DovecotAuthentication, startDovecotAuthentication } from '../smtp/dovecot.ts';
import { createQueuedMail, expectStoredOnce } from './queued-mail.ts';

const address = '127.0.15.1';
let ca: string;
let dns: SignedDns;
let dovecot: DovecotAuthentication;
let postfix: Postfix;

beforeAll(async () => {
  const authority = await makeAuthority();
  ca = readFileSync(authority.certificateFile, 'utf8');
  dns = await startSignedDns([{ name: 'relay.test', records: [`mx A ${address}`] }]);
  dovecot = await startDovecotAuthentication('127.0.0.1', 12_346, { tim: 'pencil' });
  postfix = await startPostfix({
    hostname: 'mx.relay.test',
    addresses: [address],
    mailboxes: ['ada@example.test'],
    certificate: await authority.issue({ names: ['mx.relay.test'] }),
    settings: {
      smtpd_sasl_auth_enable: 'yes',
      smtpd_sasl_type: 'dovecot',
      smtpd_sasl_path: 'inet:127.0.0.1:12346',
      smtpd_tls_auth_only: 'yes',
      smtpd_relay_restrictions: 'permit_sasl_authenticated, reject',
    },
  });
}, 300_000);

afterAll(async () => {
  await postfix?.stop();
  await dovecot?.stop();
  await dns?.stop();
});

const mails = Array.from({ length: 10 }, (_, at) => ({ subject: `relayed-${at}`, to: 'ada@example.test' }));

function queuedMail(password: string) {
  return createQueuedMail({
    tls: { ca },
    delivery: {
      routes: {
        '*': { type: 'smarthost', host: 'mx.relay.test', port: 25, auth: { user: 'tim', password } },
      },
    },
  });
}

describe('Postfix as a relay, with the passwords of Dovecot', () => {
  it('Q-06 a refused password pauses the destination, and nothing is spent, failed or suppressed', async () => {
    await using mail = queuedMail('crayon');
    await mail.enqueue(mails);
    mail.broker.start();
    const sites = async () => (await mail.broker.health()).sites;
    await expect.poll(sites, { timeout: 20_000 }).toMatchObject([{ pauseReason: 'credentials' }]);
    expect((await mail.recipients()).map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(
      mails.map(() => 'queued 0'),
    );
    expect(await mail.suppressed()).toEqual([]);
    expect(postfix.output().match(/SASL .* authentication failed/g)?.length).toBeLessThanOrEqual(3);
  }, 40_000);

  it('TLS-06 the right one delivers', async () => {
    await using mail = queuedMail('pencil');
    await mail.enqueue(mails);
    const rows = await mail.untilFinished();
    expect(rows.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(mails.map(() => 'delivered 1'));
    await expectStoredOnce(
      () => postfix.messages('ada@example.test'),
      'relayed',
      mails.map(({ subject }) => subject),
    );
  }, 40_000);
});
