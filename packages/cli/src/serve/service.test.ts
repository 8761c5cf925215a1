import { MailBroker, MemoryStore } from '@mb/broker';
import { Alerts } from '@mb/broker/alerts';
import { createServer } from '@mb/server';
import { expect, it, vi } from 'vitest';
import type { ServeFlags } from './flags.ts';
import { RunningBroker } from './service.ts';

it('CLI-85 a reload that comes while the service stops starts no worker', async () => {
  const store = new MemoryStore();
  await store.open();
  const [first, second] = [1, 2].map(() => new MailBroker({ hostname: 'mail.client.test', store }));
  const flags = { role: ['worker'], grace: 1 } as unknown as ServeFlags;
  const alerts = new Alerts(first!);
  const running = new RunningBroker(createServer({ broker: first! }), first!, alerts, flags, () => {});
  running.start();
  const stopped = running.stop(1000);
  const start = vi.spyOn(second!, 'start');
  running.replace({
    broker: second!,
    hostname: 'mail.client.test',
    certificate: undefined,
    dns: undefined,
    alerts: {},
  });
  expect(start).not.toHaveBeenCalled();
  await stopped;
  await store.close();
});
