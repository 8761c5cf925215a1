import { isAscii } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { type DeliveryReport, parseMessage, readReport } from '@mb/mime';
import type { SmtpHost } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { type MailBroker, MemoryStore, type QueueEvent, type QueueEventType } from '../../src/index.ts';
import { type LabPlan, startLab } from '../lab.ts';

const raw = (text: string) => Buffer.from(text.replace(/\n/g, '\r\n'));
const eightBit = raw(
  'From: ann@sender.test\nTo: bob@one.test\nSubject: s\nMessage-ID: <1@sender.test>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n',
);
const toBob = { from: 'ann@sender.test', to: ['bob@one.test'] };

/** Ann's exchanger mx0, and mx1 for one.test. */
function startReportLab(hosts: LabPlan['hosts'], broker: Partial<NonNullable<LabPlan['broker']>> = {}) {
  return startLab({
    hosts: { mx0: { address: '127.0.12.1' }, mx1: { address: '127.0.12.2' }, ...hosts },
    records: { sender: { MX: '10 mx0.test' }, one: { MX: '10 mx1.test' } },
    broker: {
      store: new MemoryStore(),
      queue: { schedule: { firstMs: 100, factor: 1, jitter: 0 } },
      ...broker,
    },
  });
}

async function until(broker: MailBroker, type: QueueEventType): Promise<QueueEvent> {
  const signal = AbortSignal.timeout(8_000);
  for await (const event of broker.events({ after: 'start', signal })) if (event.type === type) return event;
  throw new Error(`There was no event ${type}.`);
}

/** The first report that a host gets. */
async function reportAt(
  host: SmtpHost,
): Promise<{ report: DeliveryReport; content: Buffer; types: string[] }> {
  for (let waits = 0; host.messages.length === 0; waits++) {
    if (waits > 400) throw new Error('No report came.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const content = Buffer.from(host.messages[0]!.content);
  const parsed = await parseMessage(content);
  return {
    report: readReport(parsed) as DeliveryReport,
    content,
    types: parsed.root.parts.map(({ contentType }) => contentType),
  };
}

describe('a report on mail that expired', () => {
  it('DSN-03 tells of the last attempt: host, reply and date, as its event does', async () => {
    await using lab = await startReportLab({
      mx1: { address: '127.0.12.2', script: { rcpt: '451 4.3.2 Quarantined, call us' } },
    });
    const before = Date.now();
    const message = { raw: eightBit, envelope: { from: 'ann@sender.test', to: ['late@one.test'] } };
    await lab.broker.enqueue(message, { delivery: { expireAfterMs: 1000 } });
    lab.broker.start();
    const { report, content } = await reportAt(lab.hosts.mx0!);
    const expired = await until(lab.broker, 'expired');
    await lab.broker.stop();
    expect(lab.hosts.mx1!.sessions.length).toBeGreaterThan(0);
    const [recipient] = report.recipients;
    expect(recipient).toMatchObject({
      action: 'failed',
      status: '4.4.7',
      remoteMta: { value: 'mx1.test' },
      diagnosticCode: { type: 'smtp', value: '451 4.3.2 Quarantined, call us' },
    });
    expect(recipient!.lastAttemptDate!.getTime()).toBeLessThanOrEqual(before + 1000);
    expect(content.toString()).not.toContain('no attempt could be made');
    expect(expired.detail).toMatchObject({ host: 'mx1.test', reply: { code: 451 } });
  });

  it('DSN-03 tells of the last real attempt, though trouble of our own came after it', async () => {
    let refuse = false;
    await using lab = await startReportLab({
      mx1: {
        address: '127.0.12.2',
        script: {
          rcpt: () => {
            refuse = true;
            return '451 4.3.2 Later';
          },
        },
      },
    });
    const { MailBroker: Broker } = await import('../../src/index.ts');
    const { openTcp } = await import('@mb/smtp-client');
    const broker = new Broker({
      ...lab.options,
      runtime: {
        openSocket: (target) => {
          if (!refuse || target.address === '127.0.12.1') return openTcp(target);
          throw Object.assign(new Error('bind EADDRNOTAVAIL'), { code: 'EADDRNOTAVAIL' });
        },
      },
    });
    const message = { raw: eightBit, envelope: { from: 'ann@sender.test', to: ['late@one.test'] } };
    await broker.enqueue(message, { delivery: { expireAfterMs: 700 } });
    broker.start();
    const { report } = await reportAt(lab.hosts.mx0!);
    await broker.stop();
    expect(report.recipients[0]?.diagnosticCode?.value).toBe('451 4.3.2 Later');
  });
});

describe('a report', () => {
  it('DSN-04 returns the header where the whole message cannot pass: RET=FULL, 8bit, a host without 8BITMIME', async () => {
    await using lab = await startReportLab({
      mx0: { address: '127.0.12.1', keywords: ['PIPELINING'] },
      mx1: { address: '127.0.12.2', script: { rcpt: '550 5.1.1 No such user' } },
    });
    await lab.broker.enqueue({ raw: eightBit, envelope: toBob }, { delivery: { ret: 'full' } });
    lab.broker.start();
    const { report, types, content } = await reportAt(lab.hosts.mx0!);
    await lab.broker.stop();
    expect(types).toEqual(['text/plain', 'message/delivery-status', 'text/rfc822-headers']);
    expect(isAscii(content)).toBe(true);
    expect(report.recipients).toMatchObject([{ status: '5.1.1' }]);
  });

  it('DSN-05 that no host takes is an event of the recipient that it is about', async () => {
    await using lab = await startReportLab({
      mx0: { address: '127.0.12.1', script: { rcpt: '550 5.1.1 No such user' } },
      mx1: { address: '127.0.12.2', script: { rcpt: '550 5.1.1 No such user' } },
    });
    const { id } = await lab.broker.enqueue({ raw: eightBit, envelope: toBob });
    lab.broker.start();
    const event = await until(lab.broker, 'unreported');
    await lab.broker.stop();
    expect(event).toMatchObject({ messageId: id, address: 'bob@one.test', detail: { host: 'mx0.test' } });
  });

  it('DSN-06 names an address beyond ASCII as RFC 6533 says', async () => {
    await using lab = await startReportLab({
      mx1: {
        address: '127.0.12.2',
        keywords: ['8BITMIME', 'SMTPUTF8'],
        script: { rcpt: '550 5.1.1 No such user' },
      },
    });
    const envelope = { from: 'ann@sender.test', to: ['jürgen@one.test'] };
    await lab.broker.enqueue({ raw: eightBit, envelope });
    lab.broker.start();
    const { report, types } = await reportAt(lab.hosts.mx0!);
    await lab.broker.stop();
    expect(types[1]).toBe('message/global-delivery-status');
    expect(report.recipients[0]?.finalRecipient).toEqual({ type: 'utf-8', value: 'jürgen@one.test' });
  });

  it('DSN-07 tells of a delay where NOTIFY asks for it, and nowhere else', async () => {
    await using lab = await startReportLab({
      mx1: { address: '127.0.12.2', script: { rcpt: '451 4.3.2 Later' } },
    });
    const silent = { raw: eightBit, envelope: { from: 'ann@sender.test', to: ['carol@one.test'] } };
    await lab.broker.enqueue(silent, { delivery: { delayNoticeAfterMs: 400 } });
    const delivery = { notify: ['delay'], delayNoticeAfterMs: 400 } as const;
    await lab.broker.enqueue({ raw: eightBit, envelope: toBob }, { delivery });
    lab.broker.start();
    const { report, content } = await reportAt(lab.hosts.mx0!);
    let delayed = 0;
    for await (const { type } of lab.broker.events({ after: 'start', signal: AbortSignal.timeout(8_000) }))
      if (type === 'delayed' && ++delayed === 2) break;
    await lab.broker.stop();
    expect(report.recipients).toMatchObject([
      {
        finalRecipient: { value: 'bob@one.test' },
        action: 'delayed',
        status: '4.3.2',
        willRetryUntil: expect.any(Date),
        remoteMta: { value: 'mx1.test' },
      },
    ]);
    expect(content.toString()).toContain('Subject: Delayed mail');
    expect(lab.hosts.mx0!.messages.length).toBe(1);
  });

  it.each([
    ['relayed to a host without DSN', ['8BITMIME'], 1],
    ['nothing where the host reports itself', ['8BITMIME', 'DSN'], 0],
  ])('DSN-08 of success, where NOTIFY asks for it, says: %s', async (_, keywords, count) => {
    await using lab = await startReportLab({ mx1: { address: '127.0.12.2', keywords } });
    await lab.broker.enqueue({ raw: eightBit, envelope: toBob }, { delivery: { notify: ['success'] } });
    lab.broker.start();
    await until(lab.broker, 'delivered');
    if (count > 0) {
      const { report, content } = await reportAt(lab.hosts.mx0!);
      expect(report.recipients).toMatchObject([
        { action: 'relayed', status: expect.stringMatching(/^2/), remoteMta: { value: 'mx1.test' } },
      ]);
      expect(content.toString()).not.toContain('Gr');
    } else {
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await lab.broker.stop();
    expect(lab.hosts.mx0!.messages.length).toBe(count);
  });
});

describe('a ready message in eight bits, to a host without 8BITMIME', () => {
  it('MSG-01 MSG-07 is put into seven bits and signed as it is sent', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    await using lab = await startReportLab(
      { mx1: { address: '127.0.12.2', keywords: [] } },
      { dkim: { domain: 'sender.test', selector: 's1', privateKey }, dkimCheck: 'off' },
    );
    const outcomes = await lab.broker.send({ raw: eightBit, envelope: toBob });
    expect(outcomes).toMatchObject([{ status: 'delivered' }]);
    const content = Buffer.from(lab.hosts.mx1!.messages[0]!.content);
    expect(isAscii(content)).toBe(true);
    expect((await parseMessage(content)).text?.trim()).toBe('Grüße');
    const { verifyMessage } = await import('@mb/dkim');
    const key = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
    const { signatures } = await verifyMessage(content, {
      resolveTxt: async () => [[`v=DKIM1; k=ed25519; p=${key}`]],
    });
    expect(signatures).toMatchObject([{ status: 'pass' }]);
  });

  it('MSG-02 is refused where it is signed already', async () => {
    await using lab = await startReportLab({ mx1: { address: '127.0.12.2', keywords: [] } });
    const signed = Buffer.concat([Buffer.from('DKIM-Signature: v=1; d=sender.test\r\n'), eightBit]);
    const outcomes = await lab.broker.send({ raw: signed, envelope: toBob });
    expect(outcomes).toMatchObject([{ status: 'failed', enhanced: '5.6.3' }]);
  });
});
