import { connect } from 'node:net';
import { networkReason } from './datagram.ts';
import type { Link, LinkEvents } from './link.ts';

/** Sends a query over TCP: two octets with the length precede each message (RFC 1035 §4.2.2). */
export function openStream(
  server: { address: string; port: number },
  message: Uint8Array,
  events: LinkEvents,
): Link {
  let open = true;
  let received = Buffer.alloc(0);
  const socket = connect({ host: server.address, port: server.port, noDelay: true });
  const close = () => {
    open = false;
    socket.destroy();
  };
  const fail = (why: string) => {
    if (!open) return;
    close();
    events.onFailure(why);
  };
  socket.on('error', (error) => fail(networkReason(error)));
  socket.on('end', () => fail('It closed the connection without an answer.'));
  socket.on('connect', () => {
    // RFC 7766 §8: send length and message in one write.
    const framed = Buffer.allocUnsafe(2 + message.length);
    framed.writeUInt16BE(message.length);
    framed.set(message, 2);
    socket.write(framed);
  });
  socket.on('data', (chunk) => {
    if (!open) return;
    // Bounded: a message has at most 65,535 octets, and the first one ends the link.
    received = Buffer.concat([received, chunk]);
    if (received.length < 2) return;
    const end = 2 + received.readUInt16BE();
    if (received.length < end) return;
    const octets = received.subarray(2, end);
    socket.pause();
    events.onMessage(octets);
    fail('It sent an answer to another question.');
  });
  return { close };
}
