import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createSeededRandom,
  type DnsServer,
  type SmtpHost,
  startDnsServer,
  startSmtpHost,
} from '../../src/index.ts';
import { LineClient } from './line-client.ts';

/** A run is repeated with the same octets by its number. */
const RUNS = 150;
const WORDS = [
  'EHLO',
  'MAIL FROM:<',
  'RCPT TO:<a@b>',
  'DATA',
  'BDAT 9',
  'LAST',
  'AUTH PLAIN',
  '\r\n',
  '.',
  '\0',
  '\xff',
];

let host: SmtpHost;
let dns: DnsServer;

beforeAll(async () => {
  host = await startSmtpHost({ auth: {} });
  dns = await startDnsServer({ zones: { 'example.test': { records: { '@': { A: '127.0.0.1' } } } } });
});
afterAll(async () => {
  await host.close();
  await dns.close();
});

/** Half words of the protocol, half anything. */
function octets(run: number): Buffer {
  const { integer, pick, randomBytes } = createSeededRandom(run);
  const parts = Array.from({ length: integer(1, 12) }, () =>
    integer(0, 1) ? Buffer.from(pick(WORDS), 'latin1') : Buffer.from(randomBytes(integer(0, 40))),
  );
  return Buffer.concat(parts);
}

function sendAndEnd(port: number, address: string, content: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
    socket.end(content);
  });
}

it('an SMTP host outlives any octets', async () => {
  for (let run = 0; run < RUNS; run++) await sendAndEnd(host.port, host.address, octets(run));
  expect(host.sessions).toHaveLength(RUNS);
  await host.until(() => host.sessions.every(({ closed }) => closed));
  const events = host.sessions.flatMap((session) => session.events);
  expect(events.filter(({ kind }) => kind === 'script-error')).toEqual([]);
  using client = new LineClient(host.address, host.port);
  await client.send('NOOP\r\n').expect(250);
});

it('a line without end ends the session at its bound', async () => {
  await sendAndEnd(host.port, host.address, Buffer.alloc(4 * 1024 * 1024, 'x'));
  await host.until(() => host.sessions.at(-1)?.closed === true);
  expect(host.sessions.at(-1)?.commands).toEqual([]);
});

it('a DNS server outlives any octets over UDP and TCP', async () => {
  const socket = createSocket('udp4');
  socket.on('message', () => {});
  for (let run = 0; run < RUNS; run++) {
    const content = octets(run);
    socket.send(content, dns.port, dns.address);
    const length = Buffer.from([0, content.length & 255]);
    await sendAndEnd(dns.port, dns.address, Buffer.concat([length, content]));
  }
  socket.close();
  const before = dns.queries.length;
  const question = 'abcd01000001000000000000076578616d706c650474657374000001' + '0001';
  await sendAndEnd(dns.port, dns.address, Buffer.from(`001e${question}`, 'hex'));
  expect(dns.queries.at(-1)).toMatchObject({ name: 'example.test', type: 'A', transport: 'tcp' });
  expect(dns.queries.length).toBe(before + 1);
});
