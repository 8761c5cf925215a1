import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Exim, startExim } from '../lab/exim.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';
import { type Haraka, startHaraka } from '../smtp/haraka.ts';
import { type OpenSmtpd, startOpenSmtpd } from '../smtp/opensmtpd.ts';
import { createQueuedMail, expectStoredOnce, type Mail, type QueuedMail } from './queued-mail.ts';

/** Domains with a mail exchanger each, by what their host does at one message. */
const domains = {
  /** Postfix answers 421 to the command after the first error, and closes without reading the rest. */
  'errors-bdat.test': '127.0.12.1',
  'errors-data.test': '127.0.12.2',
  /** Postfix answers 421 to one recipient, and closes. */
  'leaves-bdat.test': '127.0.12.3',
  'leaves-data.test': '127.0.12.4',
  /** Exim takes three messages a session, and drops the session at one recipient. */
  'exim.test': '127.0.12.5',
  /** OpenSMTPD accepts 100 messages a session; then it answers 452 to MAIL and keeps the connection open. */
  'opensmtpd.test': '127.0.12.6',
  /** Haraka accepts three messages a session; then it answers 450 to MAIL and closes. */
  'haraka.test': '127.0.12.7',
} as const;

type Domain = keyof typeof domains;

const postfixDomains = [
  'errors-bdat.test',
  'errors-data.test',
  'leaves-bdat.test',
  'leaves-data.test',
] as const;
const noChunking = '-o smtpd_discard_ehlo_keywords=chunking';
const impatient = '-o smtpd_hard_error_limit=1 -o smtpd_error_sleep_time=0';
const closing = (domain: Domain) =>
  `-o {smtpd_recipient_restrictions = check_recipient_access inline:{{leave@${domain} = 421 4.3.2 Going down}}, reject_unauth_destination}`;

let dns: SignedDns;

beforeAll(async () => {
  dns = await startSignedDns(
    Object.entries(domains).map(([name, address]) => ({ name, records: ['@ MX 10 mx', `mx A ${address}`] })),
  );
}, 300_000);

afterAll(() => dns?.stop());

/** Messages to `ada`, but for the one at `place` (counted from 1). */
function mailsTo(domain: Domain, prefix: string, count: number, place = 0, odd = ''): Mail[] {
  return Array.from({ length: count }, (_, at) => ({
    subject: `${prefix}-${at + 1}`,
    to: `${at + 1 === place ? odd : 'ada'}@${domain}`,
  }));
}

/** What became of each message: its state and the attempts that it took. */
async function fates(mail: QueuedMail, mails: readonly Mail[]): Promise<string[]> {
  const rows = await mail.untilFinished((address) => address.startsWith('leave@'));
  return mails.map(({ subject }) => {
    const row = rows.find(({ tag }) => tag === subject)!;
    return `${subject}: ${row.state} ${row.attempts}`;
  });
}

const subjectsTo = (user: string, mails: readonly Mail[]): string[] =>
  mails.filter(({ to }) => to.startsWith(`${user}@`)).map(({ subject }) => subject);

describe('Postfix that hangs up, with messages of one claim', () => {
  let postfix: Postfix;
  const sent: Mail[] = [];

  beforeAll(async () => {
    postfix = await startPostfix({
      hostname: 'mx.example.test',
      addresses: ['127.0.12.100'],
      mailboxes: postfixDomains.flatMap((domain) => [`ada@${domain}`, `leave@${domain}`]),
      services: [
        `${domains['errors-bdat.test']}:25 inet n - n - - smtpd ${impatient}`,
        `${domains['errors-data.test']}:25 inet n - n - - smtpd ${impatient} ${noChunking}`,
        `${domains['leaves-bdat.test']}:25 inet n - n - - smtpd ${closing('leaves-bdat.test')}`,
        `${domains['leaves-data.test']}:25 inet n - n - - smtpd ${closing('leaves-data.test')} ${noChunking}`,
      ],
    });
  }, 300_000);

  afterAll(() => postfix?.stop());

  for (const domain of postfixDomains) {
    const odd = domain.startsWith('errors') ? 'stranger' : 'leave';
    const oddFate = odd === 'stranger' ? 'failed 1' : 'queued 1';

    async function expectRest(mail: QueuedMail, mails: readonly Mail[]): Promise<void> {
      const expected = mails.map(
        ({ subject, to }) => `${subject}: ${to.startsWith(odd) ? oddFate : 'delivered 1'}`,
      );
      await mail.enqueue(mails);
      expect(await fates(mail, mails)).toEqual(expected);
      sent.push(...mails);
      expect(await mail.suppressed()).toEqual(odd === 'stranger' ? [`stranger@${domain}`] : []);
    }

    it.each([
      [9, 7],
      [16, 1],
      [16, 8],
      [16, 16],
    ])(
      `SMTP-33 SITE-03 ${domain}: of %i messages, all but number %i arrive at once`,
      async (count, place) => {
        await using mail = createQueuedMail();
        await expectRest(mail, mailsTo(domain, `${domain}-${count}-${place}`, count, place, odd));
      },
    );

    it(`SMTP-33 SMTP-37 SMTP-76 SITE-03 ${domain}: also when the largest window has been earned`, async () => {
      await using mail = createQueuedMail();
      const earning = mailsTo(domain, `${domain}-earning`, 80);
      await mail.enqueue(earning);
      await mail.untilFinished();
      sent.push(...earning);
      expect(await mail.learned(domain)).toMatchObject({ window: 16 });
      await expectRest(mail, mailsTo(domain, `${domain}-earned`, 16, 7, odd));
    });
  }

  it('SMTP-33 has stored each message once', async () => {
    for (const domain of postfixDomains) {
      await expectStoredOnce(
        () => postfix.messages(`ada@${domain}`),
        domain,
        subjectsTo(
          'ada',
          sent.filter(({ to }) => to.endsWith(`@${domain}`)),
        ),
      );
    }
  });
});

describe('Exim', () => {
  let exim: Exim;

  beforeAll(async () => {
    exim = await startExim({
      hostname: 'mx.exim.test',
      addresses: [domains['exim.test']],
      mailboxes: ['ada@exim.test', 'bob@exim.test'],
      settings: ['smtp_accept_max_per_connection = 3', 'smtp_accept_queue_per_connection = 0'],
      recipientAcl: ['  drop local_parts = leave', '       message = 550 5.1.1 no such user'],
    });
  }, 300_000);

  afterAll(() => exim?.stop());

  it('SITE-03 SITE-04 that takes three messages a session gets 40 at once, and its number is learnt', async () => {
    await using mail = createQueuedMail();
    const mails = mailsTo('exim.test', 'limit', 40);
    await mail.enqueue(mails);
    expect(await fates(mail, mails)).toEqual(mails.map(({ subject }) => `${subject}: delivered 1`));
    expect(await mail.learned('exim.test')).toMatchObject({ messagesPerSession: 3 });
    await expectStoredOnce(
      () => exim.messages('ada@exim.test'),
      'limit',
      mails.map(({ subject }) => subject),
    );
  }, 60_000);

  it.each([
    [9, 7],
    [16, 11],
  ])(
    'SMTP-33 SITE-03 that drops the session: of %i messages, all but number %i arrive',
    async (count, place) => {
      await using mail = createQueuedMail();
      const prefix = `drop-${count}`;
      const mails = mailsTo('exim.test', prefix, count, place, 'leave');
      await mail.enqueue(mails);
      expect(await fates(mail, mails)).toEqual(
        mails.map(({ subject, to }) => `${subject}: ${to.startsWith('leave') ? 'failed' : 'delivered'} 1`),
      );
      await expectStoredOnce(() => exim.messages('ada@exim.test'), prefix, subjectsTo('ada', mails));
    },
    60_000,
  );
});

describe('OpenSMTPD', () => {
  let opensmtpd: OpenSmtpd;

  beforeAll(async () => {
    opensmtpd = await startOpenSmtpd(domains['opensmtpd.test'], ['ada@opensmtpd.test']);
  }, 300_000);

  afterAll(() => opensmtpd?.stop());

  it('SITE-03 SITE-04 SESS-10 takes 120 at once, more than it takes a session', async () => {
    await using mail = createQueuedMail();
    const mails = mailsTo('opensmtpd.test', 'many', 120);
    await mail.enqueue(mails);
    expect(await fates(mail, mails)).toEqual(mails.map(({ subject }) => `${subject}: delivered 1`));
    expect(await mail.learned('opensmtpd.test')).toMatchObject({ messagesPerSession: 100 });
    await expectStoredOnce(
      () => opensmtpd.messages(),
      'many',
      mails.map(({ subject }) => subject),
    );
  }, 60_000);
});

describe('Haraka', () => {
  let haraka: Haraka;

  beforeAll(async () => {
    haraka = await startHaraka(domains['haraka.test'], ['ada@haraka.test'], { messagesPerSession: 3 });
  }, 300_000);

  afterAll(() => haraka?.stop());

  it('SITE-03 SITE-04 SESS-10 that answers 450 and closes after three messages gets 40 at once', async () => {
    await using mail = createQueuedMail();
    const mails = mailsTo('haraka.test', 'three', 40);
    await mail.enqueue(mails);
    expect(await fates(mail, mails)).toEqual(mails.map(({ subject }) => `${subject}: delivered 1`));
    expect(await mail.learned('haraka.test')).toMatchObject({ messagesPerSession: 3 });
    await expectStoredOnce(
      async () => haraka.messages(),
      'three',
      mails.map(({ subject }) => subject),
    );
  }, 60_000);
});
