import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { QueueEvent, RecipientView } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { createSeededRandom } from '@mb/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Aiosmtpd, startAiosmtpd } from '../lab/aiosmtpd.ts';
import { type Exim, startExim } from '../lab/exim.ts';
import { makeFolder } from '../lab/folder.ts';
import type { LabZone } from '../lab/knot.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';
import { crashMessage, mailboxes, unknownMailbox } from './crash-message.ts';

/** Kills, each of a new process. */
const kills = Number(process.env.MB_CRASH_ROUNDS ?? 100);
const seed = process.env.MB_CRASH_SEED ?? String(Date.now());
/** Most messages that a process enqueues before it is killed. */
const messagesOfALife = 30;
/** When it is killed: milliseconds after it accepted that number of them. */
const messagesBeforeEnd = [0, 10] as const;
const lastMs = [0, 150] as const;
/** So long a killed process keeps what it had in hand. */
const leaseMs = 2_000;

const servers = {
  postfix: {
    hostname: 'mx.north.test',
    address: '127.0.21.1',
    domains: ['north.test', 'west.test', 'hill.test'],
  },
  aiosmtpd: { hostname: 'mx.south.test', address: '127.0.21.2', domains: ['south.test', 'sea.test'] },
  exim: { hostname: 'mx.east.test', address: '127.0.21.3', domains: ['east.test'] },
} as const;

/** One copy of a message in a mailbox. */
interface Copy {
  readonly name: string;
  readonly mailbox: string;
  /** The message with CRLF, without what the server put on top. */
  readonly octets: Buffer;
}

/** What the processes reported and what was received. All recipients are named `NAME MAILBOX`. */
interface Evidence {
  /** Names of messages whose enqueue() had answered. */
  readonly accepted: Set<string>;
  /** How many times each recipient's delivery was in progress in a process when it was killed. */
  readonly inHand: Map<string, number>;
}

// No retries: a message that was lost once is a failure, even if a second try loses none.
describe('killed by SIGKILL again and again', { retry: 0 }, () => {
  const folder = makeFolder('crash');
  const path = join(folder, 'queue.db');
  const { integer, random } = createSeededRandom(seed);
  const evidence: Evidence = { accepted: new Set(), inHand: new Map() };
  let dns: SignedDns;
  let postfix: Postfix;
  let aiosmtpd: Aiosmtpd;
  let exim: Exim;

  beforeAll(async () => {
    dns = await startSignedDns(zones());
    const ownMailboxes = (domains: readonly string[]) =>
      mailboxes.filter((mailbox) => domains.some((domain) => mailbox.endsWith(`@${domain}`)));
    postfix = await startPostfix({
      hostname: servers.postfix.hostname,
      addresses: [servers.postfix.address],
      mailboxes: ownMailboxes(servers.postfix.domains),
      settings: { smtpd_client_connection_count_limit: '0' },
    });
    aiosmtpd = await startAiosmtpd(servers.aiosmtpd);
    exim = await startExim({
      hostname: servers.exim.hostname,
      addresses: [servers.exim.address],
      mailboxes: ownMailboxes(servers.exim.domains),
      settings: [
        'smtp_accept_max = 0',
        'smtp_accept_max_per_connection = 0',
        // Else the eleventh message of a connection waits for the next queue run, which may be in an hour.
        'smtp_accept_queue_per_connection = 0',
      ],
    });
  }, 300_000);

  afterAll(async () => {
    await Promise.all([postfix?.stop(), aiosmtpd?.stop(), exim?.stop()]);
    await dns?.stop();
  });

  it('Q-26 Q-28 continues where the killed process stopped', {
    timeout: 60_000 + kills * 4_000,
  }, async () => {
    // The first process creates the file and exits normally, so that it saves its compiled code for the others to use.
    // They are killed before they could save theirs.
    const first = startLife('first', 0);
    first.begin();
    await first.end();
    let next = startLife('life0', messagesOfALife);
    for (let life = 0; life < kills; life++) {
      const current = next;
      next = life + 1 < kills ? startLife(`life${life + 1}`, messagesOfALife) : startLife('last', 0);
      current.begin();
      // Every tenth process is killed while it opens the queue that the previous kill left unfinished.
      if (random() < 0.1) await sleep(integer(0, 20));
      else {
        await current.accepts(integer(...messagesBeforeEnd));
        await sleep(integer(...lastMs));
      }
      for (const name of await current.kill()) evidence.accepted.add(name);
      for (const recipient of inHandOf(path, `life${life}`)) {
        evidence.inHand.set(recipient, (evidence.inHand.get(recipient) ?? 0) + 1);
      }
    }
    next.begin();
    await next.end();
    expect(evidence.accepted.size).toBeGreaterThan(kills * 3);
  });

  it('Q-26 Q-28 loses nothing, reports nothing false, and repeats only deliveries that a kill interrupted', {
    timeout: 60_000,
  }, async () => {
    const { rows, events } = await readQueue(path);
    const copies = await collectCopies(rows);
    const unknownEnds = countBy(
      events.filter(({ detail }) => (detail as { status?: string } | undefined)?.status === 'unknown'),
      ({ tag, address }) => `${tag} ${address}`,
    );
    const stored = new Set(rows.map(({ tag }) => tag));
    for (const name of evidence.accepted) expect(stored, `seed ${seed}`).toContain(name);

    const problems: string[] = [];
    let duplicates = 0;
    for (const { tag, address, state } of rows) {
      const recipient = `${tag} ${address}`;
      const arrived = copies.get(recipient)?.length ?? 0;
      const expected = address === unknownMailbox ? 'failed' : 'delivered';
      if (state !== expected) problems.push(`${recipient} is ${state}`);
      if (expected === 'delivered' && arrived === 0) problems.push(`${recipient} is not in its mailbox`);
      if (expected === 'failed' && arrived > 0) problems.push(`${recipient} is in a mailbox`);
      duplicates += Math.max(0, arrived - 1);
      const excused = (evidence.inHand.get(recipient) ?? 0) + (unknownEnds.get(recipient) ?? 0);
      if (arrived - 1 > excused)
        problems.push(`${recipient} arrived ${arrived} times and was in hand at ${excused} kills`);
    }
    for (const { name, mailbox, octets } of [...copies.values()].flat()) {
      if (!crashMessage(name).raw.equals(octets)) problems.push(`${name} is not itself in ${mailbox}`);
    }
    const ends = countBy(
      events.filter(({ type }) => ['delivered', 'failed', 'expired', 'cancelled'].includes(type)),
      ({ recipientId }) => recipientId!,
    );
    for (const { recipientId } of rows) {
      if (ends.get(recipientId) !== 1) problems.push(`${recipientId} ended ${ends.get(recipientId)} times`);
    }
    expect(problems, `seed ${seed}`).toEqual([]);

    const inHand = [...evidence.inHand.values()].reduce((sum, times) => sum + times, 0);
    console.log(
      `seed ${seed}: ${kills} kills, ${evidence.accepted.size} messages accepted, ${rows.length} recipients, ` +
        `${inHand} in hand at a kill, ${duplicates} arrived once more, ${unknownEnds.size} unknown ends`,
    );
    expect(inHand).toBeGreaterThan(kills / 10);
    expect(duplicates).toBeLessThanOrEqual(inHand);
  });

  it('Q-26 Q-59 leaves a whole file behind', () => {
    const db = new DatabaseSync(path);
    expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    const halves = db.prepare(
      `SELECT count(*) AS n FROM mb_message m WHERE staged = 0 AND open <>
         (SELECT count(*) FROM mb_recipient r WHERE r.id >= m.id * 65536 AND r.id < (m.id + 1) * 65536
           AND r.finished IS NULL)`,
    );
    expect(halves.get()).toEqual({ n: 0 });
    expect(db.prepare('SELECT count(*) AS n FROM mb_recipient WHERE lease IS NOT NULL').get()).toEqual({
      n: 0,
    });
    db.close();
  });

  /** Starts the next process; it loads its code and waits. */
  function startLife(name: string, messages: number): Life {
    const lease = messages === 0 ? 30_000 : leaseMs;
    const script = fileURLToPath(new URL('./crash-worker.ts', import.meta.url));
    const args = ['--conditions=@mb/source', script, path, name, `${messages}`, `${lease}`];
    return new Life(
      spawn(process.execPath, args, {
        env: { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: join(folder, 'code') },
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    );
  }

  /** All copies in all mailboxes, by recipient. */
  async function collectCopies(rows: readonly RecipientView[]): Promise<Map<string, Copy[]>> {
    const copies: Copy[] = [];
    for (const mailbox of mailboxes) {
      const server = serverOf(mailbox);
      if (server === 'aiosmtpd') continue;
      const names = rows
        .filter(({ address, state }) => address === mailbox && state === 'delivered')
        .map(({ tag }) => tag!);
      copies.push(...(await storedCopies(server === 'postfix' ? postfix : exim, mailbox, names)));
    }
    for (const { to, content } of await aiosmtpd.waitForMessages(1)) {
      for (const mailbox of to) copies.push(readCopy(mailbox, content));
    }
    const byRecipient = new Map<string, Copy[]>();
    for (const copy of copies) {
      const recipient = `${copy.name} ${copy.mailbox}`;
      byRecipient.set(recipient, [...(byRecipient.get(recipient) ?? []), copy]);
    }
    return byRecipient;
  }
});

/**
 * What a server has delivered to a mailbox, once all these messages are there and nothing more comes out of its queue;
 * after 20 s what is there then.
 */
async function storedCopies(
  host: Pick<Postfix, 'messages'>,
  mailbox: string,
  names: readonly string[],
): Promise<Copy[]> {
  const deadline = performance.now() + 20_000;
  for (let before = -1; ; await sleep(500)) {
    const copies = (await host.messages(mailbox)).map((stored) => {
      const octets = Buffer.from(stored.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
      return readCopy(mailbox, octets);
    });
    const arrived = new Set(copies.map(({ name }) => name));
    const complete = copies.length === before && names.every((name) => arrived.has(name));
    if (complete || performance.now() > deadline) return copies;
    before = copies.length;
  }
}

/** One process, from its start to its end. */
class Life {
  readonly #child: ChildProcess;
  readonly #closed: Promise<[number | null, string | null]>;
  #said = '';
  #complaints = '';
  #onSaid = () => {};

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close') as Promise<[number | null, string | null]>;
    child.stdin!.on('error', () => {});
    child.stderr!.on('data', (data) => {
      this.#complaints += data;
    });
    child.stdout!.on('data', (data) => {
      this.#said += data;
      this.#onSaid();
    });
  }

  begin(): void {
    this.#child.stdin!.write('begin\n');
  }

  /** Resolves when it delivers and has accepted that number of messages, or has ended. */
  accepts(count: number): Promise<unknown> {
    const enough = new Promise<void>((resolve) => {
      this.#onSaid = () => {
        if (this.#said.startsWith('R\n') && this.#accepted().length >= count) resolve();
      };
      this.#onSaid();
    });
    return Promise.race([enough, this.#closed]);
  }

  #accepted(): string[] {
    return Array.from(this.#said.matchAll(/^A (.*)\n/gm), ([, name]) => name!);
  }

  /** Kills it; gives the messages that it had accepted. */
  async kill(): Promise<string[]> {
    this.#child.kill('SIGKILL');
    const how = await this.#closed;
    expect([...how, this.#complaints]).toEqual([null, 'SIGKILL', '']);
    return this.#accepted();
  }

  /** Waits until the process exits without being killed. */
  async end(): Promise<void> {
    expect([...(await this.#closed), this.#complaints]).toEqual([0, null, '']);
  }
}

/** Recipients that the dead process had claimed and of which it had written nothing down. */
function inHandOf(path: string, worker: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = db
      .prepare(
        `SELECT m.tag, r.address FROM mb_lease l JOIN mb_recipient r ON r.lease = l.id
           JOIN mb_message m ON m.id = r.id / 65536 WHERE l.worker = ?`,
      )
      .all(worker) as { tag: string; address: string }[];
    return rows.map(({ tag, address }) => `${tag} ${address}`);
  } finally {
    db.close();
  }
}

async function readQueue(path: string): Promise<{ rows: RecipientView[]; events: QueueEvent[] }> {
  const store = new SqliteStore(path);
  await store.open();
  const rows: RecipientView[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.list({}, { limit: 1_000, ...(after !== undefined && { after }) });
    rows.push(...page.rows);
    if (page.next === undefined) break;
    after = page.next;
  }
  const events: QueueEvent[] = [];
  for (let page = await store.events(); page.events.length > 0; page = await store.events(page.cursor)) {
    events.push(...page.events);
  }
  await store.close();
  return { rows, events };
}

function readCopy(mailbox: string, stored: Buffer): Copy {
  const octets = stored.subarray(stored.indexOf('X-Crash: '));
  return { mailbox, name: octets.subarray(9, octets.indexOf('\r\n')).toString(), octets };
}

function serverOf(mailbox: string): keyof typeof servers {
  const domain = mailbox.slice(mailbox.indexOf('@') + 1);
  const found = Object.entries(servers).find(([, { domains }]) =>
    (domains as readonly string[]).includes(domain),
  );
  return found![0] as keyof typeof servers;
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

function zones(): LabZone[] {
  const own = { name: 'example.com', records: ['@ MX 10 mail', 'mail A 127.0.0.1'] };
  const theirs = Object.values(servers).flatMap(({ hostname, address, domains }) =>
    domains.map((name) => {
      const host = hostname.endsWith(`.${name}`) ? [`mx A ${address}`] : [];
      return { name, records: [`@ MX 10 ${hostname}.`, ...host] };
    }),
  );
  return [own, ...theirs];
}
