import type { RecipientView } from '@mb/broker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Exim, startExim } from '../lab/exim.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';
import { createQueuedMail } from './queued-mail.ts';

/** Domains and the address of their mail exchanger. */
const domains = {
  'plain.test': '127.0.13.1',
  /** Its Postfix does not know the domain, so it would have to relay. */
  'relay.test': '127.0.13.1',
  'helo.test': '127.0.13.2',
  'sender.test': '127.0.13.3',
  'client.test': '127.0.13.4',
  'access.test': '127.0.13.5',
  'exim.test': '127.0.13.6',
} as const;

/** What Postfix refuses with 550, which is 450 in its defaults. */
const refusing = (domain: keyof typeof domains, restriction: string) =>
  `${domains[domain]}:25 inet n - n - - smtpd -o {smtpd_recipient_restrictions = ${restriction}, reject_unauth_destination}
  -o unknown_hostname_reject_code=550 -o unknown_address_reject_code=550 -o unknown_client_reject_code=550`;

/** Recipients of Postfix, and how they must end. Each of those that are not `stranger` has a mailbox. */
const byPostfix = {
  'ada@plain.test': 'delivered',
  'stranger@plain.test': 'bad-mailbox',
  'ada@relay.test': 'blocked',
  'ada@helo.test': 'blocked',
  'ada@sender.test': 'blocked',
  'ada@client.test': 'blocked',
  'ada@access.test': 'blocked',
} as const;

/** Those of Exim, by the condition of its ACL that refuses them. */
const byExim = {
  'ada@exim.test': 'delivered',
  'stranger@exim.test': 'bad-mailbox',
  'unverified-sender@exim.test': 'blocked',
  'unverified-helo@exim.test': 'blocked',
  'relay@exim.test': 'blocked',
  'policy@exim.test': 'blocked',
} as const;

let dns: SignedDns;

beforeAll(async () => {
  dns = await startSignedDns(
    Object.entries(domains).map(([name, address]) => ({ name, records: ['@ MX 10 mx', `mx A ${address}`] })),
  );
}, 300_000);

afterAll(() => dns?.stop());

/** Sends to all, and gives how each ended and which addresses are suppressed. */
async function sendToAll(addresses: readonly string[]) {
  await using mail = createQueuedMail();
  await mail.enqueue(addresses.map((to) => ({ to, subject: to })));
  const rows = await mail.untilFinished();
  return {
    ends: Object.fromEntries(rows.map((row) => [row.address, endOf(row)])),
    suppressed: await mail.suppressed(),
    replies: rows.map(({ address, detail }) => `${address}: ${JSON.stringify(detail)}`).join('\n'),
  };
}

function endOf({ state, detail }: RecipientView): string {
  return state === 'failed' ? ((detail as { category?: string }).category ?? 'failed') : state;
}

describe('refusals of real servers: only an address that does not exist is suppressed', () => {
  let postfix: Postfix;
  let exim: Exim;

  beforeAll(async () => {
    const mailboxes = Object.keys(byPostfix).filter((each) => /^ada@(?!relay)/.test(each));
    [postfix, exim] = await Promise.all([
      startPostfix({
        hostname: 'mx.example.test',
        addresses: [domains['plain.test']],
        mailboxes,
        services: [
          refusing('helo.test', 'reject_unknown_helo_hostname'),
          refusing('sender.test', 'reject_unknown_sender_domain'),
          refusing('client.test', 'reject_unknown_client_hostname'),
          refusing('access.test', 'check_client_access static:{554 You are not wanted here}'),
        ],
      }),
      startExim({
        hostname: 'mx.exim.test',
        addresses: [domains['exim.test']],
        mailboxes: Object.keys(byExim).filter((each) => !each.startsWith('stranger')),
        recipientAcl: [
          '  deny local_parts = unverified-sender',
          '       ! verify = sender',
          '  deny local_parts = unverified-helo',
          '       ! verify = helo',
          '  deny local_parts = relay',
          '       message = relay not permitted',
          '  deny local_parts = policy',
        ],
      }),
    ]);
  }, 300_000);

  afterAll(async () => {
    await postfix?.stop();
    await exim?.stop();
  });

  it('RPL-02 Postfix: unknown user, relaying, HELO name, sender domain, client name, access list', async () => {
    const { ends, suppressed, replies } = await sendToAll(Object.keys(byPostfix));
    expect(ends, replies).toEqual(byPostfix);
    expect(suppressed).toEqual(['stranger@plain.test']);
  });

  it('RPL-02 Exim: unknown user, sender and HELO verification, relaying, and no reason at all', async () => {
    const { ends, suppressed, replies } = await sendToAll(Object.keys(byExim));
    expect(ends, replies).toEqual(byExim);
    expect(suppressed).toEqual(['stranger@exim.test']);
  });
});
