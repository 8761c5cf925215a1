import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Link, LinkEvents } from './link.ts';

/**
 * Sends a query over UDP from a new socket.
 *
 * A new socket has a random source port (RFC 5452 §9.2). Since it is connected, it receives datagrams only from that
 * server (§9.1), and reports an unreachable port at once.
 */
export function openDatagram(
  server: { address: string; port: number },
  message: Uint8Array,
  events: LinkEvents,
): Link {
  let open = true;
  const socket = createSocket({
    type: isIPv6(server.address) ? 'udp6' : 'udp4',
    lookup: (_name, _options, callback) => callback(null, server.address, isIPv6(server.address) ? 6 : 4),
  });
  const close = () => {
    if (!open) return;
    open = false;
    socket.close();
  };
  const fail = (error: Error) => {
    if (!open) return;
    close();
    events.onFailure(networkReason(error));
  };
  socket.on('error', fail);
  socket.on('message', (octets) => {
    if (open) events.onMessage(octets);
  });
  socket.connect(server.port, server.address, () => {
    if (open) socket.send(message, (error) => error && fail(error));
  });
  return { close };
}

/** Describes a socket error. */
export function networkReason(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ECONNREFUSED') return 'Nothing listens on that port.';
  if (code === 'ENETUNREACH' || code === 'EHOSTUNREACH' || code === 'EADDRNOTAVAIL')
    return 'There is no network route to it.';
  return `The connection failed (${code ?? error.message}).`;
}
