import { chownSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mailboxUser } from '../lab/maildir.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { type LabProcess, startProcess } from '../lab/process.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';
import { startGreylistingRspamd } from './greylisting-rspamd.ts';
import { createQueuedMail, expectStoredOnce } from './queued-mail.ts';

/** Postgrey's own reply, and the one of content filters that greylist, from Postgrey and from such a filter. */
const postgreys = {
  'own.test': {
    address: '127.0.14.1',
    port: 10_023,
    action: 'DEFER_IF_PERMIT',
    text: 'Greylisted, try again',
  },
  'filter.test': { address: '127.0.14.2', port: 10_024, action: '451 4.7.1', text: 'Try again later' },
} as const;
const sources = [
  { name: 'a', hostname: 'a.example.com', localAddresses: ['127.0.14.11'] },
  { name: 'b', hostname: 'b.example.com', localAddresses: ['127.0.14.12'] },
];
/** It also knows content again, so its delay is longer than all first attempts take. */
const rspamd = { address: '127.0.14.3', port: 11_332, delaySeconds: 4, text: 'Try again later' } as const;
const hosts = { ...postgreys, 'rspamd.test': rspamd } as const;
const cases = Object.entries(hosts);
/** How long Postgrey wants a sender to wait. */
const delaySeconds = 2;
const recipients = 30;

let dns: SignedDns;
let postfix: Postfix;
const greylists: LabProcess[] = [];

/** Starts Postgrey, which knows hosts by their whole address and never learns that one is good. */
async function startPostgrey({
  port,
  action,
  text,
}: (typeof postgreys)[keyof typeof postgreys]): Promise<void> {
  await ensureDebianPackages(['postgrey']);
  const folder = makeFolder('postgrey');
  chownSync(folder, mailboxUser, mailboxUser);
  greylists.push(
    await startProcess('/usr/sbin/postgrey', {
      args: [
        `--inet=127.0.0.1:${port}`,
        `--dbdir=${folder}`,
        `--delay=${delaySeconds}`,
        '--lookup-by-host',
        '--auto-whitelist-clients=0',
        `--greylist-action=${action}`,
        `--greylist-text=${text}`,
        '--user=nobody', // english-ok: a user's name
        '--group=nogroup',
        '--whitelist-clients=/dev/null',
        '--whitelist-recipients=/dev/null',
      ],
      ready: { address: '127.0.0.1', port },
    }),
  );
}

beforeAll(async () => {
  dns = await startSignedDns(
    Object.entries(hosts).map(([name, { address }]) => ({
      name,
      records: ['@ MX 10 mx', `mx A ${address}`],
    })),
  );
  for (const each of Object.values(postgreys)) await startPostgrey(each);
  greylists.push(...(await startGreylistingRspamd(rspamd.port, rspamd.delaySeconds, rspamd.text)));
  postfix = await startPostfix({
    hostname: 'mx.example.test',
    addresses: ['127.0.14.100'],
    mailboxes: Object.keys(hosts).flatMap((domain) =>
      Array.from({ length: recipients }, (_, at) => `u${at}@${domain}`),
    ),
    // With its own defaults: a second before each reply after ten refusals in a session, and 421 after twenty.
    services: [
      ...Object.values(postgreys).map(
        ({ address, port }) =>
          `${address}:25 inet n - n - - smtpd -o {smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service inet:127.0.0.1:${port}}`,
      ),
      `${rspamd.address}:25 inet n - n - - smtpd -o smtpd_milters=inet:127.0.0.1:${rspamd.port} -o milter_default_action=tempfail`,
    ],
  });
}, 300_000);

afterAll(async () => {
  await postfix?.stop();
  for (const greylist of greylists) await greylist.stop();
  await dns?.stop();
});

describe('Postfix with Postgrey or rspamd', () => {
  it.each(cases)(
    'Q-07 PACE-01 SRC-01 SESS-39 %s: each recipient is tried at once, and its retry from the same address succeeds',
    async (domain, { text }) => {
      await using mail = createQueuedMail({
        connections: 5,
        firstMs: 5_000,
        delivery: { sources },
      });
      const mails = Array.from({ length: recipients }, (_, at) => ({
        subject: `${domain}-${at}`,
        to: `u${at}@${domain}`,
      }));
      await mail.enqueue(mails);
      const start = Date.now();
      mail.broker.start();
      await expect
        .poll(
          async () =>
            (await mail.recipients()).filter(({ inFlight, attempts }) => attempts === 1 && !inFlight),
          {
            timeout: 4_000,
          },
        )
        .toHaveLength(recipients);
      const { sites } = await mail.broker.health();
      expect(sites).toMatchObject([{ queued: recipients }]);
      expect(sites[0]).not.toHaveProperty('pausedUntil');
      for (const { detail } of await mail.recipients()) {
        expect(JSON.stringify(detail)).toContain(text);
        expect(detail).toMatchObject({ scope: 'recipient', category: 'temporary-host' });
      }
      // Two sources: a retry from the other one would have been greylisted again.
      const rows = await mail.untilFinished();
      expect(rows.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(
        mails.map(() => 'delivered 2'),
      );
      expect(Date.now() - start).toBeLessThan(20_000);
      const stored = async () => (await Promise.all(mails.map(({ to }) => postfix.messages(to)))).flat();
      await expectStoredOnce(
        stored,
        domain,
        mails.map(({ subject }) => subject),
      );
    },
    60_000,
  );
});
