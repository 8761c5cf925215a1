import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { MailBroker, type SessionLine } from '@mb/broker';
import { startLab } from './lab.ts';
import { message } from './message.ts';
import {
  type JudgedCopy,
  showLab,
  showMessage,
  showOriginal,
  showReceipts,
  showSessions,
  showTimeline,
  showWebhook,
} from './report.ts';
import { startService, timelineOf } from './service.ts';
import { during, paint } from './terminal.ts';
import { verify } from './verify.ts';
import { listenForDeliveries } from './webhook.ts';

const shownMetrics = [
  'mb_attempt_recipients_total',
  'mb_delivery_duration_seconds_count',
  'mb_tls_sessions_total',
];
const started = performance.now();
console.log(paint('bold', 'One message, from an object to two mail exchangers'));

const lab = await during('starting two mail exchangers and a DNS server', startLab());
try {
  showLab(lab);
  showMessage(message);
  const lines: SessionLine[] = [];
  // As on the internet, but for the DNS server to ask, the port, and leave to connect to loopback addresses.
  const broker = new MailBroker({
    hostname: lab.hostname,
    dkim: lab.dkim,
    dns: { servers: [lab.dns.server] },
    delivery: { port: lab.servers[0]!.port, allowAddresses: ['127.0.1.0/24'] },
    tls: { ca: lab.authority },
    onTranscript: (line) => lines.push(line),
  });
  const outcomes = await during('delivering', broker.send(message));
  showSessions(lines);
  showReceipts(outcomes);

  let good = outcomes.every(({ status }) => status === 'delivered');
  const copies: JudgedCopy[] = [];
  for (const { hostname, received } of lab.servers) {
    for (const copy of received) {
      const verification = await during('verifying', verify(copy, hostname, lab.dns.server));
      const file = await save(copy.octets, `received-by-${hostname}.eml`);
      copies.push({ hostname, received: copy, verification, file });
      good &&= [verification.spf, verification.dkim, verification.dmarc].every((result) => result === 'pass');
    }
  }
  showOriginal(copies);
  // Each recipient's server must have got a copy, whatever was replied.
  good &&= copies.length === outcomes.length;

  await using service = await during('starting mb serve', startService(lab));
  await using listener = await listenForDeliveries(service);
  const posted = await service.client.POST('/v1/messages', {
    body: { from: 'shop@example.com', to: 'ann@north.test', subject: 'Your order', text: 'By HTTP.' },
  });
  const ids = [
    posted.data?.id ?? '',
    await service.submit({
      from: 'shop@example.com',
      to: 'bob@south.test',
      subject: 'Your invoice',
      text: 'By SMTP.',
    }),
  ];
  for (const [index, id] of ids.entries()) {
    const events = await during('following the message', timelineOf(service, id));
    showTimeline(index === 0 ? 'HTTP' : 'SMTP submission', id, events);
    good &&= events.some(({ type }) => type === 'delivered');
  }
  const { call, verified } = await during('waiting for the webhook', listener.firstDelivery());
  const metrics = await service.metrics(...shownMetrics);
  showWebhook(call, verified, metrics);
  good &&= verified && shownMetrics.every((name) => metrics.some((line) => line.startsWith(name)));

  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (good) console.log(`\n${paint('green', '✓')} Delivered, signed and verified in ${seconds} s.`);
  else console.log(`\n${paint('red', '✗')} Not everything was delivered and passed: see above.`);
  process.exitCode = good ? 0 : 1;
} finally {
  await lab.close();
}

/** Writes a message below out/ at the root of the project; gives the path as seen from here. */
async function save(octets: Buffer, name: string): Promise<string> {
  const folder = join(import.meta.dirname, '../../out');
  await mkdir(folder, { recursive: true });
  const file = join(folder, name);
  await writeFile(file, octets);
  return relative(process.cwd(), file);
}
