/** Child process: a TCP proxy that holds everything back for a while in both directions, like a long cable. */
import { connect, createServer, type Socket } from 'node:net';

/** Where to and how long; half of the round trip in each direction. */
export interface DelayProxyOptions {
  readonly port: number;
  readonly oneWayMs: number;
}

const { port, oneWayMs } = JSON.parse(process.argv[2]!) as DelayProxyOptions;

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
  delay(client, upstream);
  delay(upstream, client);
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));
process.on('disconnect', () => process.exit());

function delay(from: Socket, to: Socket): void {
  from.on('data', (octets) => setTimeout(() => to.write(octets), oneWayMs));
  from.on('end', () => setTimeout(() => to.end(), oneWayMs));
  from.on('error', () => to.destroy());
  from.on('close', () => setTimeout(() => to.destroy(), oneWayMs));
}
