import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { MailBroker, type RecipientView } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  createSelfSignedCertificate,
  inTurn,
  type SmtpHost,
  type SmtpHostOptions,
  startSmtpHost,
} from '@mb/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../lab/folder.ts';
import type { LabZone } from '../lab/knot.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';

/** What is written down beforehand about the recipients of a domain. */
interface Verdict {
  readonly state: RecipientView['state'];
  /** Parts of the detail of the latest outcome. */
  readonly detail?: object;
}

/** A domain of the lab: its records, its hosts that are not Postfix, and the expected outcome of its mail. */
interface DayDomain {
  readonly records?: readonly string[];
  readonly signed?: boolean;
  readonly hosts?: readonly SmtpHostOptions[];
  readonly verdict: Verdict;
  /** Mail goes to this mailbox of the domain. */
  readonly mailbox?: string;
}

const messages = 2_000;
const root: CertificateAuthority = await createCertificateAuthority();
const certify = async (name: string) => {
  const { key, cert } = await root.issue({ names: [name] });
  return { key, cert };
};
const daneCertificate = await root.issue({ names: ['mx.dane.test'] });
const otherCertificate = await root.issue({ names: ['elsewhere.test'] });
const self = await createSelfSignedCertificate({ names: ['mx.sts-testing.test'] });

/** RFC 5321's day in small: for each set-up the verdict that it must get. */
const domains: Readonly<Record<string, DayDomain>> = {
  'north.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.1'],
    mailbox: 'alice',
    verdict: { state: 'delivered', detail: { host: 'mx.north.test', tls: { secure: true } } },
  },
  'dane.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.2', `_25._tcp.mx TLSA ${daneCertificate.tlsa(3, 1)}`],
    mailbox: 'dora',
    verdict: { state: 'delivered', detail: { tls: { verifiedBy: 'dane-ee' } } },
  },
  'dane-wrong.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.3', `_25._tcp.mx TLSA ${otherCertificate.tlsa(3, 1)}`],
    hosts: [
      { hostname: 'mx.dane-wrong.test', address: '127.0.20.3', tls: await certify('mx.dane-wrong.test') },
    ],
    verdict: { state: 'queued', detail: { category: 'tls-policy' } },
  },
  'sts.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.4', 'mta-sts A 127.0.20.90', '_mta-sts TXT "v=STSv1\\; id=1\\;"'],
    signed: false,
    hosts: [{ hostname: 'mx.sts.test', address: '127.0.20.4', tls: await certify('mx.sts.test') }],
    verdict: { state: 'delivered', detail: { tls: { verifiedBy: 'pkix' } } },
  },
  'sts-wrong.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.5', 'mta-sts A 127.0.20.90', '_mta-sts TXT "v=STSv1\\; id=1\\;"'],
    signed: false,
    hosts: [{ hostname: 'mx.sts-wrong.test', address: '127.0.20.5', tls: await certify('elsewhere.test') }],
    verdict: { state: 'queued', detail: { category: 'tls-policy' } },
  },
  'sts-testing.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.6', 'mta-sts A 127.0.20.90', '_mta-sts TXT "v=STSv1\\; id=1\\;"'],
    signed: false,
    hosts: [
      { hostname: 'mx.sts-testing.test', address: '127.0.20.6', tls: { key: self.key, cert: self.cert } },
    ],
    verdict: { state: 'delivered', detail: { tls: { secure: true, verifiedBy: 'none' } } },
  },
  'grey.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.7'],
    hosts: [
      {
        hostname: 'mx.grey.test',
        address: '127.0.20.7',
        script: { rcpt: inTurn('451 4.7.1 Greylisted, try again in 1 second', undefined) },
      },
    ],
    verdict: { state: 'delivered' },
  },
  'closed.test': {
    records: ['@ MX 0 .'],
    verdict: { state: 'failed', detail: { enhanced: '5.1.10', stage: 'route' } },
  },
  'missing.test': { verdict: { state: 'failed', detail: { enhanced: '5.1.2', category: 'bad-domain' } } },
  'twin.test': {
    records: ['@ MX 10 mx1', '@ MX 10 mx2', 'mx1 A 127.0.20.8', 'mx2 A 127.0.20.9'],
    hosts: [
      { hostname: 'mx1.twin.test', address: '127.0.20.8' },
      { hostname: 'mx2.twin.test', address: '127.0.20.9' },
    ],
    verdict: { state: 'delivered' },
  },
  'dead-first.test': {
    records: ['@ MX 10 mx1', '@ MX 20 mx2', 'mx1 A 127.0.20.10', 'mx2 A 127.0.20.11'],
    hosts: [{ hostname: 'mx2.dead-first.test', address: '127.0.20.11' }],
    verdict: { state: 'delivered', detail: { host: 'mx2.dead-first.test' } },
  },
  'six.test': {
    records: ['@ MX 10 mx', 'mx AAAA ::1'],
    hosts: [{ hostname: 'mx.six.test', address: '::1' }],
    verdict: { state: 'delivered', detail: { address: '[::1]:25' } },
  },
  'implicit.test': {
    records: ['@ A 127.0.20.12'],
    hosts: [{ hostname: 'implicit.test', address: '127.0.20.12' }],
    verdict: { state: 'delivered', detail: { host: 'implicit.test' } },
  },
  'full.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.13'],
    hosts: [{ hostname: 'mx.full.test', address: '127.0.20.13', script: { rcpt: '452 4.2.2 Mailbox full' } }],
    verdict: { state: 'queued', detail: { category: 'mailbox-full' } },
  },
  'refuse.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.14'],
    hosts: [
      { hostname: 'mx.refuse.test', address: '127.0.20.14', script: { rcpt: '550 5.1.1 No such user' } },
    ],
    verdict: { state: 'failed', detail: { category: 'bad-mailbox', enhanced: '5.1.1' } },
  },
  'blocked.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.15'],
    hosts: [{ hostname: 'mx.blocked.test', address: '127.0.20.15', script: { rcpt: '550 5.7.1 Blocked' } }],
    verdict: { state: 'failed', detail: { category: 'blocked' } },
  },
  'broken-tls.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.16'],
    hosts: [
      {
        hostname: 'mx.broken-tls.test',
        address: '127.0.20.16',
        tls: { ...(await certify('mx.broken-tls.test')), handshake: 'close' },
      },
    ],
    verdict: { state: 'delivered', detail: { tls: { secure: false } } },
  },
  'old.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.17'],
    hosts: [{ hostname: 'mx.old.test', address: '127.0.20.17', script: { ehlo: '502 5.5.1 What?' } }],
    verdict: { state: 'delivered' },
  },
  'flaky.test': {
    records: ['@ MX 10 mx', 'mx A 127.0.20.18'],
    hosts: [
      {
        hostname: 'mx.flaky.test',
        address: '127.0.20.18',
        script: { content: inTurn('451 4.3.0 Try again', { after: 'reset' }, undefined) },
      },
    ],
    verdict: { state: 'delivered' },
  },
};

const policies: Readonly<Record<string, string>> = {
  'mta-sts.sts.test': 'version: STSv1\r\nmode: enforce\r\nmx: mx.sts.test\r\nmax_age: 86400\r\n',
  'mta-sts.sts-wrong.test': 'version: STSv1\r\nmode: enforce\r\nmx: mx.sts-wrong.test\r\nmax_age: 86400\r\n',
  'mta-sts.sts-testing.test': 'version: STSv1\r\nmode: testing\r\nmx: mx.other.test\r\nmax_age: 86400\r\n',
};

describe('a day of mail on a small scale', () => {
  let dns: SignedDns;
  let https: Server;
  let store: SqliteStore;
  let broker: MailBroker;
  const hosts: SmtpHost[] = [];
  const postfixes: Record<string, Postfix> = {};
  const folder = makeFolder('day');

  beforeAll(async () => {
    dns = await startSignedDns(zones());
    for (const { hosts: plans = [] } of Object.values(domains)) {
      for (const plan of plans) hosts.push(await startSmtpHost({ ...plan, port: 25, keepOctets: false }));
    }
    postfixes['north.test'] = await startMx(
      'mx.north.test',
      '127.0.20.1',
      'alice@north.test',
      await certify('mx.north.test'),
    );
    postfixes['dane.test'] = await startMx('mx.dane.test', '127.0.20.2', 'dora@dane.test', daneCertificate);
    postfixes['example.com'] = await startMx('mx.example.com', '127.0.20.80', 'desk@example.com');
    https = createServer(await certificateOfPolicies(), (request, response) => {
      const policy = policies[request.headers.host ?? ''];
      response.writeHead(policy ? 200 : 404, { 'content-type': 'text/plain' }).end(policy);
    });
    await new Promise<void>((resolve) => https.listen(443, '127.0.20.90', resolve));

    store = new SqliteStore(join(folder, 'queue.db'));
    await store.open();
    broker = new MailBroker({
      hostname: 'mail.example.com',
      delivery: { allowAddresses: ['127.0.0.0/8', '::1/128'] },
      tls: { ca: root.root, mtaSts: { ca: root.root } },
      store,
      queue: { schedule: { firstMs: 500, maxMs: 60_000, jitter: 0.1 } },
    });
  }, 300_000);

  afterAll(async () => {
    await broker?.stop();
    await store?.close();
    https?.close();
    await Promise.all(hosts.map((host) => host.close()));
    await Promise.all(Object.values(postfixes).map((postfix) => postfix.stop()));
    await dns?.stop();
  });

  it('gives each set-up’s mail the expected verdict', { timeout: 300_000 }, async () => {
    const names = Object.keys(domains);
    broker.start();
    await Promise.all(
      Array.from({ length: messages }, (_, index) => {
        const domain = names[index % names.length]!;
        const mailbox = domains[domain]!.mailbox ?? `user${index}`;
        return broker.enqueue(
          {
            from: 'desk@example.com',
            to: `${mailbox}@${domain}`,
            subject: `Message ${index}`,
            text: 'Hello.\n',
          },
          { tag: domain },
        );
      }),
    );
    await everyoneDecided();

    for (const [domain, { verdict }] of Object.entries(domains)) {
      const rows = await recipientsOf(domain);
      expect(rows.length, domain).toBeGreaterThanOrEqual(Math.floor(messages / names.length));
      // An unusable destination is paused for five minutes. Recipients that wait there were not attempted.
      const attempted = rows.filter(({ attempts }) => attempts > 0 || verdict.state !== 'queued');
      expect(attempted.length, domain).toBeGreaterThan(0);
      for (const row of attempted) expect(row).toMatchObject({ domain, ...verdict });
      for (const row of rows) expect(row).toMatchObject({ domain, state: verdict.state });
    }
  });

  it('has delivered to Postfix exactly what it reported, once each', { timeout: 60_000 }, async () => {
    for (const [domain, mailbox] of [
      ['north.test', 'alice'],
      ['dane.test', 'dora'],
    ] as const) {
      const rows = await recipientsOf(domain);
      const stored = await postfixes[domain]!.waitForMessages(`${mailbox}@${domain}`, rows.length);
      const subjects = stored.map((message) => /^Subject: (.*)$/m.exec(message.toString())?.[1]);
      expect(stored).toHaveLength(rows.length);
      expect(new Set(subjects).size).toBe(rows.length);
    }
  });

  it('has returned failed messages to their senders, and no others', { timeout: 120_000 }, async () => {
    const failed = (await listAll()).filter(
      ({ state, domain }) => state === 'failed' && domain !== 'example.com',
    );
    const bounces = await postfixes['example.com']!.waitForMessages('desk@example.com', failed.length);
    expect(bounces).toHaveLength(failed.length);
    expect(bounces.every((bounce) => /^Return-Path: <>$/m.test(bounce.toString()))).toBe(true);
  });

  it('has used both hosts of equal preference, and never one that a policy forbids', () => {
    const taken = (name: string) => hosts.find(({ hostname }) => hostname === name)!.messages.length;
    expect(taken('mx1.twin.test')).toBeGreaterThan(0);
    expect(taken('mx2.twin.test')).toBeGreaterThan(0);
    expect(taken('mx.dane-wrong.test')).toBe(0);
    expect(taken('mx.sts-wrong.test')).toBe(0);
  });

  /** Every recipient is finished, or waits where the verdict is to wait and an attempt was made. */
  async function everyoneDecided(): Promise<void> {
    const deadline = Date.now() + 240_000;
    for (;;) {
      const rows = await listAll();
      const tried = new Set(rows.filter(({ attempts }) => attempts > 0).map(({ domain }) => domain));
      const open = rows.filter(({ state, inFlight, domain }) => {
        if (domains[domain]?.verdict.state === 'queued') return inFlight || !tried.has(domain);
        return state === 'queued';
      });
      if (open.length === 0) return;
      if (Date.now() > deadline) throw new Error(`Still undecided: ${JSON.stringify(open.slice(0, 5))}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async function recipientsOf(domain: string): Promise<RecipientView[]> {
    return (await listAll()).filter((row) => row.domain === domain);
  }

  async function listAll(): Promise<RecipientView[]> {
    const rows: RecipientView[] = [];
    for (let after: string | undefined; ; ) {
      const page = await broker.queue.list({}, { limit: 1000, ...(after !== undefined && { after }) });
      rows.push(...page.rows);
      if (page.next === undefined) return rows;
      after = page.next;
    }
  }

  async function startMx(
    hostname: string,
    address: string,
    mailbox: string,
    pem?: { key: string; cert: string },
  ) {
    const certificateFile = join(folder, `${hostname}.crt`);
    const keyFile = join(folder, `${hostname}.key`);
    if (pem) {
      writeFileSync(certificateFile, pem.cert);
      writeFileSync(keyFile, pem.key, { mode: 0o600 });
    }
    return startPostfix({
      hostname,
      addresses: [address],
      mailboxes: [mailbox],
      ...(pem && { certificate: { certificateFile, keyFile } }),
    });
  }
});

async function certificateOfPolicies() {
  return root.issue({ names: Object.keys(policies) });
}

function zones(): LabZone[] {
  const own: LabZone = {
    name: 'example.com',
    records: ['@ MX 10 mx', 'mx A 127.0.20.80', 'mail A 127.0.0.1'],
  };
  const theirs = Object.entries(domains).flatMap(([name, { records, signed }]): LabZone[] => {
    return records ? [{ name, records, ...(signed !== undefined && { signed }) }] : [];
  });
  return [own, ...theirs];
}
