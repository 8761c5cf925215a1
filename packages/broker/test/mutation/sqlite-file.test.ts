import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeMutationFolder, mutateOctets, mutationFileCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { afterAll, expect, it } from 'vitest';
import { BrokerError } from '../../src/errors.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

const folder = makeMutationFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const contents = ['small', 'x'.repeat(3_000), 'line\r\n'.repeat(3_000)];

/** A queue file with waiting, delivered and held mail, records and suppressed addresses. */
async function makeQueue(): Promise<Uint8Array> {
  const path = join(folder, 'sample.db');
  const store = new SqliteStore(path, { pollMs: 0 });
  await store.open();
  for (const [n, content] of contents.entries()) {
    await store.accept({
      sender: 'ann@sender.test',
      recipients: [
        { address: `bob@site${n}.test`, domain: `site${n}.test` },
        { address: 'eve@other.test', domain: 'other.test' },
      ],
      content: Buffer.from(content),
      tag: `t${n}`,
    });
  }
  await store.hold({ domain: 'site0.test' });
  await store.records.put('domain', 'one.test', { n: 1 });
  await store.suppress([{ address: 'zoe@one.test', reason: 'operator' }]);
  await store.close();
  return readFileSync(path);
}

/** Everything that a worker and an operator do with a queue, each step on its own. */
async function use(store: SqliteStore, seen: (content: string) => void): Promise<void> {
  const attempts: (() => Promise<unknown>)[] = [
    () => store.stats(),
    () => store.list({}),
    () => store.events(undefined),
    () => store.records.changes('domain', 0),
    () => store.listSuppressed(),
    async () => {
      const claim = await store.claim({ worker: 'w', max: 10, leaseMs: 1000 });
      for (const message of claim?.messages ?? []) {
        if (message.content) seen(Buffer.from(message.content).toString());
        else {
          const pieces: Uint8Array[] = [];
          for await (const piece of store.content(message.messageId)) pieces.push(piece);
          seen(Buffer.concat(pieces).toString());
        }
      }
      if (!claim) return;
      await store.settle({
        leaseId: claim.leaseId,
        outcomes: claim.messages.flatMap(({ recipients }) =>
          recipients.map(({ recipientId }) => ({ recipientId, status: 'delivered' as const })),
        ),
        release: true,
        feedback: { kind: 'succeeded' },
      });
    },
    () =>
      store.accept({
        sender: 'ann@sender.test',
        recipients: [{ address: 'new@one.test', domain: 'one.test' }],
        content: Buffer.from('new'),
      }),
    () => store.purge(),
  ];
  for (const attempt of attempts) {
    try {
      await attempt();
    } catch (error) {
      expect(error).toSatisfy(BrokerError.isInstance);
    }
  }
}

it(`MUT-01 MUT-07 MUT-10 a damaged queue file gives typed errors and no content that was not written: ${mutationFileCount} damaged files`, {
  timeout: mutationTimeoutMs,
}, async () => {
  const sample = await makeQueue();
  const path = join(folder, 'damaged.db');
  await mutateOctets({
    name: 'SqliteStore',
    samples: [sample],
    words: ['\0\0\0\0', '\xff\xff\xff\xff', 'CREATE TABLE ', 'mb_message', '"', '{', 'site1.test'],
    longest: 1_000_000,
    inputs: mutationFileCount,
    async check(octets) {
      for (const name of [path, `${path}-wal`, `${path}-shm`]) rmSync(name, { force: true });
      writeFileSync(path, octets, { mode: 0o600 });
      const store = new SqliteStore(path, { pollMs: 0 });
      try {
        await store.open();
      } catch (error) {
        expect(error).toSatisfy(BrokerError.isInstance);
        return 'refused';
      }
      try {
        await use(store, (content) => {
          if (content !== 'new' && !contents.includes(content))
            throw new Error('Content that was not written.');
        });
      } finally {
        await store.close();
      }
      return 'accepted';
    },
  });
});
