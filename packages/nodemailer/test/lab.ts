import { createServer } from 'node:net';
import { type BrokerOptions, MailBroker, MemoryStore } from '@mb/broker';
import { createMemoryResolver } from '@mb/dns/memory';
import { type SmtpHost, type SmtpScript, startSmtpHost } from '@mb/testkit';

/** A broker that delivers mail for one.test and two.test to hosts on loopback. */
export interface Lab extends AsyncDisposable {
  readonly broker: MailBroker;
  readonly one: SmtpHost;
  readonly two: SmtpHost;
}

export async function startLab(
  address: string,
  scripts: { readonly one?: SmtpScript; readonly two?: SmtpScript } = {},
  options: Partial<BrokerOptions> = {},
): Promise<Lab> {
  const port = await freePort();
  const addresses = [`127.0.${address}.1`, `127.0.${address}.2`] as const;
  const [one, two] = await Promise.all(
    (['one', 'two'] as const).map((name, i) =>
      startSmtpHost({
        address: addresses[i]!,
        port,
        hostname: `mx.${name}.test`,
        ...(scripts[name] && { script: scripts[name] }),
      }),
    ),
  );
  const broker = new MailBroker({
    hostname: 'client.test',
    dns: createMemoryResolver({
      'one.test': { MX: [[10, 'mx.one.test']] },
      'two.test': { MX: [[10, 'mx.two.test']] },
      'mx.one.test': { A: addresses[0] },
      'mx.two.test': { A: addresses[1] },
    }),
    store: new MemoryStore(),
    delivery: { port, allowAddresses: ['127.0.0.0/8'] },
    ...options,
  });
  return {
    broker,
    one: one!,
    two: two!,
    async [Symbol.asyncDispose]() {
      await broker.close({ graceMs: 0 });
      await Promise.all([one!.close(), two!.close()]);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
