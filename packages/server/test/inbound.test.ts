import { createTransport } from 'nodemailer';
import { describe, expect, it } from 'vitest';
import { type Service, startService } from './service.ts';

const verp = { address: 'b@bounces.sender.test', secret: 'a secret of the test, long enough' };

/** What a mail exchanger sends back for a mailbox that it does not have (RFC 3464). */
function bounce(to: string, about: string): Buffer {
  return Buffer.from(
    [
      'From: Mail Delivery System <MAILER-DAEMON@mx.test>',
      `To: ${to}`,
      'Subject: Undelivered',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
      '',
      '--b',
      '',
      'It could not be delivered.',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.test',
      '',
      `Final-Recipient: rfc822; ${about}`,
      'Action: failed',
      'Status: 5.1.1',
      'Diagnostic-Code: smtp; 550 5.1.1 No such user',
      '',
      '--b--',
      '',
    ].join('\r\n'),
  );
}

async function startInbound(service: Service) {
  const { host, port } = await service.server.listenInbound({
    hostname: 'bounces.sender.test',
    domains: ['Bounces.Sender.test'],
    port: 0,
  });
  const transport = createTransport({ host, port, ignoreTLS: true });
  /** The code of the last reply. */
  const deliver = async (to: string, raw: Uint8Array): Promise<number> => {
    try {
      const { response } = await transport.sendMail({
        envelope: { from: '', to: [to] },
        raw: Buffer.from(raw),
      });
      return Number(response.slice(0, 3));
    } catch (error) {
      return (error as { responseCode?: number }).responseCode ?? 0;
    }
  };
  return { deliver };
}

describe('inbound reports', () => {
  it('SRV-66 SRV-149 a bounce that comes to a return path is an event of its recipient, who gets no more mail', async () => {
    await using service = await startService({ host: 17, broker: { queue: { verp } } });
    const call = await service.withKey();
    const { deliver } = await startInbound(service);
    const { body } = await call('POST', '/v1/messages', {
      from: 'a@sender.test',
      to: 'bob@one.test',
      text: 'x',
    });
    service.broker.start();
    await service.host.until(() => service.host.messages.length === 1);
    const returnPath = service.host.messages[0]!.from;
    expect(returnPath).toMatch(/@bounces\.sender\.test$/);
    expect(await deliver(returnPath, bounce(returnPath, 'bob@one.test'))).toBe(250);
    const { data } = (await call('GET', `/v1/messages/${body.id}/events`)).body;
    expect(data.at(-1)).toMatchObject({ type: 'bounced', address: 'bob@one.test' });
    expect((await call('GET', '/v1/suppressions')).body.data).toMatchObject([
      { address: 'bob@one.test', reason: 'bad-mailbox' },
    ]);
  });

  it('SRV-67 SRV-102 SRV-101 it relays nothing, reads no letters and believes no report that did not come to its return path', async () => {
    await using service = await startService({ host: 17, broker: { queue: { verp } } });
    const call = await service.withKey();
    const { deliver } = await startInbound(service);
    expect(await deliver('bob@one.test', bounce('x', 'bob@one.test'))).toBe(550);
    const letter = Buffer.from('From: eve@one.test\r\nSubject: Re: hello\r\n\r\nHello!\r\n');
    expect(await deliver('info@bounces.sender.test', letter)).toBe(550);
    await deliver('forged@bounces.sender.test', bounce('x', 'bob@one.test'));
    expect((await call('GET', '/v1/suppressions')).body.data).toEqual([]);
    expect((await call('GET', '/v1/messages')).body.data).toEqual([]);
    expect(service.host.messages).toEqual([]);
  });
});
