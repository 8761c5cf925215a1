import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A DNS server that answers over UDP. */
interface DatagramServer {
  readonly address: string;
  readonly port: number;
}

/** Serves DNS over HTTPS (RFC 8484), without TLS, on loopback: each POST is put to a DNS server over UDP. */
export async function serveOverHttp({ address, port }: DatagramServer) {
  const server = createServer(async (request, response) => {
    const socket = createSocket('udp4');
    try {
      socket.send(await buffer(request), port, address);
      const [answer] = await once(socket, 'message');
      response.writeHead(200, { 'content-type': 'application/dns-message' }).end(answer);
    } finally {
      socket.close();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/dns-query`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
