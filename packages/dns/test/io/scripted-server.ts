import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import packet, { type DecodedPacket, type Packet } from 'dns-packet';

/** Returns the answer to a query; undefined for no answer. */
export type Script = (
  query: DecodedPacket,
  transport: 'udp' | 'tcp',
) => Partial<Packet> | Uint8Array | undefined;

/** A DNS server on 127.0.0.1 with the answers of a test, encoded by dns-packet, not by the code under test. */
export interface ScriptedServer {
  /** For `servers` of `createResolver`. */
  readonly address: string;
  readonly port: number;
  readonly queries: { query: DecodedPacket; transport: 'udp' | 'tcp'; port: number }[];
  close(): Promise<void>;
}

export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const queries: ScriptedServer['queries'] = [];
  const udp = createSocket('udp4');
  const reply = (octets: Uint8Array, transport: 'udp' | 'tcp', port: number) => {
    const query = packet.decode(Buffer.from(octets));
    queries.push({ query, transport, port });
    const answer = script(query, transport);
    if (answer === undefined || answer instanceof Uint8Array) return answer;
    return packet.encode({
      id: query.id ?? 0,
      type: 'response',
      flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
      questions: query.questions ?? [],
      ...answer,
    });
  };
  udp.on('message', (octets, from) => {
    const answer = reply(octets, 'udp', from.port);
    if (answer !== undefined) udp.send(answer, from.port, from.address);
  });
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const answer = reply(chunk.subarray(2), 'tcp', socket.remotePort ?? 0);
      if (answer === undefined) {
        socket.end();
        return;
      }
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(length);
      // In two pieces, so that the client has to join them.
      socket.write(answer.subarray(0, 5));
      setImmediate(() => socket.write(answer.subarray(5)));
    });
  });
  const port = await bindBoth(udp, tcp);
  return {
    address: `127.0.0.1:${port}`,
    port,
    queries,
    async close() {
      udp.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

/** Binds one port for both transports; retries if the port is not free for the other one. */
async function bindBoth(udp: DatagramSocket, tcp: Server): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    udp.bind(port, '127.0.0.1');
    try {
      await once(udp, 'listening');
      return port;
    } catch {
      await new Promise((resolve) => tcp.close(resolve));
    }
  }
  throw new Error('No port is free for both UDP and TCP.');
}
