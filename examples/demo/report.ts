import type { RecipientOutcome, SessionLine } from '@mb/broker';
import { decodeWords, type Message } from '@mb/mime';
import type { Lab } from './lab.ts';
import type { ReceivedMessage } from './receiving-server.ts';
import { fit, heading, paint, row, verdict } from './terminal.ts';
import type { Verification } from './verify.ts';

export function showLab({ dns, servers, hostname }: Lab): void {
  heading('On this machine');
  row('Sender', hostname);
  row('DNS', `${dns.server}, UDP and TCP`);
  for (const { hostname: name, address, port } of servers)
    row('Receiver', `${name}, ${address}:${port}, STARTTLS`);
}

export function showMessage({ from, to, cc, subject, attachments = [] }: Message): void {
  heading('Message');
  row('From', String(from));
  row('To', String(to));
  row('Cc', String(cc));
  row('Subject', subject ?? '');
  const files = attachments.map((one) => ('filename' in one ? one.filename : undefined)).filter(Boolean);
  row('Parts', `plain text, HTML, ${files.join(', ')}`);
}

/** Each session as it happened: → what we said, ← what the host said. */
export function showSessions(lines: readonly SessionLine[]): void {
  const first = lines[0]?.at ?? 0;
  for (const host of new Set(lines.map((line) => line.host))) {
    heading(`Session with ${host}`);
    for (const { at, direction, text } of lines.filter((line) => line.host === host)) {
      const sign = { client: '→', server: '←', note: '·' }[direction];
      const time = `${String(at - first).padStart(4)} ms`;
      console.log(`  ${paint('dim', time)} ${sign} ${fit(text, 12)}`);
    }
  }
}

/** What became of each recipient. */
export function showReceipts(outcomes: readonly RecipientOutcome[]): void {
  heading('Receipts');
  for (const outcome of outcomes) {
    const good = outcome.status === 'delivered';
    const mark = good ? paint('green', '✓') : paint('red', '✗');
    console.log(`  ${mark} ${outcome.recipient} ${paint(good ? 'green' : 'red', outcome.status)}`);
    if (outcome.host) row('  host', `${outcome.host}  ${outcome.address ?? ''}`);
    if (outcome.tls) row('  TLS', describeTls(outcome.tls));
    if (outcome.reply) row('  reply', `${outcome.reply.code} ${outcome.reply.lines.join('\n')}`);
    if (outcome.status !== 'delivered') row('  reason', outcome.reason);
  }
}

/** One receiver's copy, as an independent verifier judged it. */
export interface JudgedCopy {
  readonly hostname: string;
  readonly received: ReceivedMessage;
  readonly verification: Verification;
  /** Where it was saved. */
  readonly file: string;
}

/** What a mail reader shows under "show original", from the octets that arrived. */
export function showOriginal(copies: readonly JudgedCopy[]): void {
  const [first] = copies;
  if (!first) return;
  const text = first.received.octets.toString();
  const field = (name: string) => decodeWords(unfolded(text.match(fieldPattern(name))?.[1] ?? ''));
  heading('Original message, judged by mailauth from the octets received');
  for (const name of ['Message-ID', 'Date', 'From', 'To', 'Cc', 'Subject']) row(name, field(name));
  for (const { hostname, received, verification, file } of copies) {
    const { spf, dkim, dmarc, signature, reverse, header } = verification;
    console.log(`  ${paint('cyan', hostname)}`);
    row('SPF', `${verdict(spf)} with IP ${received.ip}${reverse ? ` (${reverse})` : ''}`);
    row('DKIM', `${verdict(dkim)} with key ${signature}`);
    row('DMARC', verdict(dmarc));
    console.log(paint('dim', header.replaceAll('\r', '').replace(/^/gm, '  ')));
    row('Saved', `${file} (${received.octets.length} octets)`);
  }
}

/** What `mb serve` tells of a message. */
export function showTimeline(
  way: string,
  id: string,
  events: readonly {
    readonly at: string;
    readonly type: string;
    readonly address?: string;
    readonly detail?: object;
  }[],
): void {
  heading(`mb serve: message ${id}, by ${way}`);
  const first = Date.parse(events[0]?.at ?? '');
  for (const { at, type, address = '', detail } of events) {
    const time = `${String(Date.parse(at) - first).padStart(4)} ms`;
    const { host, reply } = (detail ?? {}) as { host?: string; reply?: { code: number; lines: string[] } };
    const said = reply ? `${host}: ${reply.code} ${reply.lines.join(' ')}` : '';
    console.log(`  ${paint('dim', time)} ${type.padEnd(9)} ${address} ${fit(said, 12)}`);
  }
}

/** The call of a webhook, and what `/metrics` says. */
export function showWebhook(
  {
    headers,
    json,
  }: { readonly headers: object; readonly json: { type: string; data: { address?: string } } },
  verified: boolean,
  metrics: readonly string[],
): void {
  heading('A webhook and three metrics');
  row('Event', `${json.type} ${json.data.address ?? ''}`);
  row('Id', String((headers as { 'webhook-id'?: string })['webhook-id']));
  row('Signature', verdict(verified ? 'pass' : 'fail'));
  for (const line of metrics) console.log(paint('dim', `  ${fit(line, 2)}`));
}

function describeTls({
  secure,
  protocol,
  cipher,
  verifiedBy,
  error,
}: NonNullable<RecipientOutcome['tls']>): string {
  if (!secure) return `none: ${error}`;
  return `${protocol} ${cipher}, certificate ${verifiedBy === 'none' ? `not verified: ${error}` : 'verified'}`;
}

function fieldPattern(name: string): RegExp {
  return new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im');
}

function unfolded(value: string): string {
  return value.replace(/\r\n(?=[ \t])/g, '');
}
