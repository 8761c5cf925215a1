/**
 * A process whose disk fails on demand, for disk-faults.test.ts: it queues messages before, during and after each error
 * of the disk, and prints the results that the calls returned as JSON.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError, MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';

const [folder = '', ...numbers] = process.argv.slice(2);
const switchFile = process.env.MB_FAIL_ERRNO!;
const store = new SqliteStore(join(folder, 'queue.db'), { pollMs: 20 });
await store.open();
const told: unknown[] = [];
const broker = new MailBroker({
  hostname: 'client.test',
  store,
  dns: { servers: ['127.0.0.1:1'] },
  queue: { onError: (error) => told.push(error) },
});
broker.start();

async function* large() {
  yield Buffer.from('From: ann@sender.test\r\nTo: bob@one.test\r\nSubject: large\r\n\r\n');
  for (let n = 0; n < 40; n++) yield Buffer.alloc(65_536, 'x'.repeat(70).concat('\r\n'));
}

const message = (subject: string) => ({ from: 'ann@sender.test', to: 'bob@one.test', subject, text: 'x' });
const path = join(folder, 'queue.db');
const calls = {
  small: (name: string) => broker.enqueue(message(name)),
  large: () => broker.enqueue({ raw: large(), envelope: { from: 'ann@sender.test', to: ['bob@one.test'] } }),
  hold: () => broker.queue.hold({ domain: 'one.test' }),
  suppress: (name: string) => broker.suppressions.add([{ address: `${name}@one.test`, reason: 'operator' }]),
  record: (name: string) => broker.records.put('domain', `${name}.test`, { name }),
  reopen: async () => {
    const other = new SqliteStore(path, { pollMs: 0 });
    await other.open().finally(() => other.close());
  },
};
/** What writes, and what reads or opens files; each is called while that fails. */
const writing = ['small', 'large', 'hold', 'suppress', 'record'] as const;
const reading = ['large', 'reopen'] as const;

/** The number of the error when a process has too many open files. */
const emfile = '24';
const accepted: string[] = [];
const refused: object[] = [];
const note = async (call: keyof typeof calls, name: string, error: string) => {
  try {
    const result = await calls[call](name);
    if (typeof result === 'object' && 'id' in result) accepted.push(result.id!);
    return true;
  } catch (thrown) {
    const typed = BrokerError.isInstance(thrown);
    const { code, retryable, message } = thrown as BrokerError;
    refused.push({ call, error, typed, code, retryable, message });
    return false;
  }
};

const recovered: boolean[] = [];
await note('small', 'first', 'none');
for (const number of numbers) {
  writeFileSync(switchFile, number);
  const isReading = number === emfile || number.startsWith('r');
  for (const call of isReading ? reading : writing) await note(call, `e${number}`, number);
  rmSync(switchFile);
  recovered.push(await note('small', `after${number}`, 'none'));
}
const untyped = told.filter((error) => !BrokerError.isInstance(error)).map(String);
await broker.stop({ graceMs: 1000 });
await store.close();
console.log(JSON.stringify({ accepted, refused, recovered, untyped }));
