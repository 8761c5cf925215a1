import type { ExchangeStep } from '../exchange.ts';
import type { DnsServer } from '../server-address.ts';
import { openDatagram } from './datagram.ts';
import { type FetchFunction, openHttps } from './https.ts';
import type { Link, LinkEvents } from './link.ts';
import { openStream } from './stream.ts';

/** Sends a query over UDP, TCP or HTTPS, depending on the server and the step. */
export function openLink(
  server: DnsServer,
  step: Extract<ExchangeStep, { do: 'send' }>,
  events: LinkEvents,
  fetch: FetchFunction,
): Link {
  if (server.transport === 'stream') return openHttps(server.url, step.message, events, fetch);
  const open = step.transport === 'stream' ? openStream : openDatagram;
  return open(server, step.message, events);
}
