import { join } from 'node:path';
import { ensureDebianPackages } from '../lab/debian.ts';
import { startProcess } from '../lab/process.ts';
import type { Host } from './network.ts';

/** A line of the receiver. */
type Event = { readonly at: number; readonly connection: number } & (
  | { readonly kind: 'open'; readonly site: string; readonly peer: string }
  | { readonly kind: 'mail' | 'quit' | 'close' }
  | {
      readonly kind: 'taken';
      readonly helo: string;
      readonly message: number;
      readonly to: readonly string[];
    }
);

/** A connection as the receiver saw it. */
export interface ReceivedConnection {
  readonly site: string;
  /** The address that it came from. */
  readonly peer: string;
  readonly openedAt: number;
  /** When it said QUIT or was gone; infinity while it is open. */
  readonly endedAt: number;
  /** When its transactions began, in epoch milliseconds. */
  readonly begunAt: readonly number[];
  readonly taken: readonly { readonly at: number; readonly helo: string; readonly message: number }[];
}

/** Mail exchangers in Python, in a namespace of their own. */
export interface Receiver {
  connections(): ReceivedConnection[];
  stop(): Promise<void>;
}

/** Starts a mail exchanger for each site on its own address of the host. */
export async function startReceiver(
  host: Host,
  sites: Readonly<Record<string, string>>,
  dataMs: number,
): Promise<Receiver> {
  await ensureDebianPackages(['python3-aiosmtpd']);
  const script = join(import.meta.dirname, 'receiver_host.py');
  const python = await startProcess('ip', {
    args: [...host.enter, '/usr/bin/python3', '-W', 'ignore', script, JSON.stringify({ sites, dataMs })],
    ready: { output: /^READY$/m },
  });
  return { connections: () => readConnections(python.output()), stop: python.stop };
}

function readConnections(output: string): ReceivedConnection[] {
  const byNumber = new Map<
    number,
    ReceivedConnection & { begunAt: number[]; taken: ReceivedConnection['taken'][number][]; endedAt: number }
  >();
  for (const [, json = ''] of output.matchAll(/^EVENT (.*)\n/gm)) {
    const event = JSON.parse(json) as Event;
    const { at } = event;
    if (event.kind === 'open') {
      const { site, peer } = event;
      byNumber.set(event.connection, {
        site,
        peer,
        openedAt: at,
        endedAt: Number.POSITIVE_INFINITY,
        begunAt: [],
        taken: [],
      });
      continue;
    }
    const connection = byNumber.get(event.connection)!;
    if (event.kind === 'mail') connection.begunAt.push(at);
    else if (event.kind === 'taken') connection.taken.push({ at, helo: event.helo, message: event.message });
    else connection.endedAt = Math.min(connection.endedAt, at);
  }
  return [...byNumber.values()];
}
