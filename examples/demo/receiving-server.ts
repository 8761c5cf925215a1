import type { TestCertificate } from '@mb/testkit';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';

/** A message as a receiving server got it. */
export interface ReceivedMessage {
  /** Exactly the octets that came in, dots un-stuffed. */
  readonly octets: Buffer;
  /** Address of the client. */
  readonly ip: string;
  /** What the client called itself. */
  readonly helo: string;
  /** The envelope sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
}

/** A mail exchanger: npm's smtp-server with STARTTLS. */
export interface ReceivingServer {
  readonly hostname: string;
  readonly address: string;
  readonly port: number;
  readonly received: readonly ReceivedMessage[];
  close(): Promise<void>;
}

/** Starts one. Port 0 takes a free one. */
export async function startReceivingServer(
  hostname: string,
  address: string,
  port: number,
  { key, cert }: TestCertificate,
): Promise<ReceivingServer> {
  const received: ReceivedMessage[] = [];
  const server = new SMTPServer({
    name: hostname,
    key,
    cert,
    authOptional: true,
    disabledCommands: ['AUTH'],
    // It would ask the DNS of this machine, not that of the demo.
    disableReverseLookup: true,
    closeTimeout: 1_000,
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        received.push(describe(Buffer.concat(pieces), session));
        done();
      });
    },
  });
  // A client that goes away is no reason for the demo to end.
  server.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(port, address, resolve);
  });
  const bound = server.server.address() as { port: number };
  const close = () => new Promise<void>((resolve) => server.close(resolve));
  return { hostname, address, port: bound.port, received, close };
}

function describe(octets: Buffer, session: SMTPServerSession): ReceivedMessage {
  const { mailFrom, rcptTo } = session.envelope;
  return {
    octets,
    ip: session.remoteAddress,
    helo: session.hostNameAppearsAs,
    sender: mailFrom ? mailFrom.address : '',
    recipients: rcptTo.map(({ address }) => address),
  };
}
