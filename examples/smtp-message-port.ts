/**
 * The SMTP protocol over something that is not a socket: a MessagePort, behind which a worker could hold the
 * connection. The session gets octets and the time, and gives octets, events and deadlines.
 *
 * Run with: node --conditions=@mb/source examples/smtp-message-port.ts
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { SmtpSession } from '@mb/smtp-client/protocol';

/** Delivers one message through a port and resolves with what became of each recipient. */
export function deliverThrough(port: MessagePort, content: Uint8Array): Promise<string[]> {
  const session = new SmtpSession({ hostname: 'client.example.org', starttls: 'never' }, Date.now());
  session.submit({ from: 'ada@example.org', to: ['bob@example.com', 'eve@example.com'] }, content);
  return new Promise((resolve, reject) => {
    const turn = () => {
      const now = Date.now();
      for (let octets = session.pollTransmit(now); octets; octets = session.pollTransmit(now)) {
        port.postMessage(octets);
        session.transmitted(now);
      }
      for (let event = session.next(); event; event = session.next()) {
        if (event.type === 'delivery-settled') resolve(event.recipients.map(({ status }) => status));
        if (event.type === 'closed') reject(event.error ?? new Error('closed'));
      }
    };
    port.on('message', (octets: Uint8Array) => {
      session.receive(octets, Date.now());
      turn();
    });
    turn();
  });
}

/** A server of a few lines at the other end of the port: it knows only Bob. */
export function serveThrough(port: MessagePort): void {
  const say = (text: string) => port.postMessage(new TextEncoder().encode(`${text}\r\n`));
  let inContent = false;
  say('220 mx.example.com ESMTP');
  port.on('message', (octets: Uint8Array) => {
    for (const line of new TextDecoder().decode(octets).trimEnd().split('\r\n')) {
      if (inContent && line !== '.') continue;
      if (line.startsWith('EHLO')) say('250-mx.example.com\r\n250 PIPELINING');
      else if (line === 'DATA') say('354 Go ahead');
      else
        say(line.startsWith('RCPT') && !line.includes('<bob@') ? '550 5.1.1 No such user' : '250 2.0.0 Ok');
      inContent = line === 'DATA';
    }
  });
}

if (import.meta.main) {
  const { port1, port2 } = new MessageChannel();
  serveThrough(port2);
  console.log(
    await deliverThrough(port1, new TextEncoder().encode('Subject: Hello\r\n\r\nThrough a port.\r\n')),
  );
  port1.close();
}
