import { mutateOctets, mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { MemoryStore } from '../../src/index.ts';
import { MailQueue } from '../../src/mail-queue.ts';
import { formatVerp, parseVerp } from '../../src/sender/verp.ts';

const verp = { address: 'bounces@sender.test', secret: 'sixteen letters!' };
const lines = (...text: string[]) => new Uint8Array(Buffer.from(`${text.join('\r\n')}\r\n`));

const bounce = lines(
  'From: MAILER-DAEMON@one.test',
  'To: bounces@sender.test',
  'Subject: Undelivered',
  'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
  '',
  '--b',
  '',
  'It could not be delivered.',
  '--b',
  'Content-Type: message/delivery-status',
  '',
  'Reporting-MTA: dns; mx.one.test',
  '',
  'Original-Recipient: rfc822; bob@one.test',
  'Final-Recipient: rfc822; robert@one.test',
  'Action: failed',
  'Status: 5.1.1',
  'Diagnostic-Code: smtp; 550 5.1.1 user unknown',
  '',
  'Final-Recipient: rfc822; eve@one.test',
  'Action: delayed',
  'Status: 4.2.2',
  '',
  '--b--',
);
const complaint = lines(
  'From: fbl@one.test',
  'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
  '',
  '--b',
  '',
  'A complaint.',
  '--b',
  'Content-Type: message/feedback-report',
  '',
  'Feedback-Type: abuse',
  'User-Agent: fbl/1',
  'Version: 1',
  'Original-Rcpt-To: <bob@one.test>',
  '',
  '--b',
  'Content-Type: message/rfc822',
  '',
  'From: ann@sender.test',
  'Subject: x',
  '',
  'y',
  '--b--',
);
const words = [
  '\r\n',
  '\r\n\r\n',
  '--b',
  'Action: failed',
  'Status: 5.1.1',
  'Final-Recipient: rfc822; victim@two.test',
  'Original-Mail-From: <bounces+1.0-00@sender.test>',
  'Feedback-Type: abuse',
  ';',
  '<',
  '@',
];

it(`MUT-01 MUT-06 a report that came in changes nothing but what its return path proves: ${mutationCount} damaged reports`, {
  timeout: mutationTimeoutMs,
}, async () => {
  let store = new MemoryStore();
  let path = '';
  let messageId = '';
  const fill = async () => {
    store = new MemoryStore();
    const accepted = await store.accept({
      sender: 'ann@sender.test',
      recipients: [{ address: 'bob@one.test', domain: 'one.test' }],
      content: Buffer.from('x'),
    });
    messageId = accepted.messageId;
    path = formatVerp(verp, `${messageId}.0`);
  };
  await fill();
  await mutateOctets({
    name: 'receiveReport',
    samples: [bounce, complaint],
    words,
    async check(octets, { integer }) {
      const proven = integer(0, 1) === 1;
      const to = proven ? path : `${path.slice(0, -14)}0@sender.test`;
      const report = await new MailQueue({ store, queue: { verp } }).receiveReport(octets, to);
      const { rows } = await store.listSuppressed();
      const events = (await store.events(undefined)).events.filter(({ type }) => type !== 'accepted');
      if (!proven) expect([rows, events]).toEqual([[], []]);
      for (const row of rows) expect(row.address).toBe('bob@one.test');
      for (const event of events) expect(event.recipientId).toBe(`${messageId}.0`);
      if (rows.length > 0 || events.length > 0) await fill();
      return report.kind === 'none' ? 'refused' : 'accepted';
    },
  });
});

it(`MUT-01 MUT-06 parseVerp takes no return path that was not made by formatVerp: ${mutationCount} damaged paths`, {
  timeout: mutationTimeoutMs,
}, async () => {
  const made = ['1.0', '17.3', '281474976710655.65535'].map((id) => [id, formatVerp(verp, id)] as const);
  await mutateText({
    name: 'parseVerp',
    samples: made.map(([, path]) => path),
    words: ['+', '-', '@', '.', '1.0', 'bounces', 'sender.test', '00'],
    check(path) {
      const found = parseVerp(verp, path);
      if (found === undefined) return 'refused';
      const ours = made.find(([, one]) => one.toLowerCase() === path.toLowerCase());
      expect(found).toBe(ours?.[0]);
      return 'accepted';
    },
  });
});
