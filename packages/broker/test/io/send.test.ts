import { generateKeyPairSync } from 'node:crypto';
import type { Message } from '@mb/mime';
import { startSmtpHost } from '@mb/testkit';
import { authenticate } from 'mailauth';
import { expect, it } from 'vitest';
import { MailBroker, type RecipientOutcome, type SessionLine } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const message: Message = {
  from: { name: 'Ann', address: 'ann@sender.test' },
  to: 'bob@one.test',
  subject: 'Grüße',
  text: 'Hello\r\n.\r\nwith a dot',
};

function statuses(outcomes: readonly RecipientOutcome[]): string[] {
  return outcomes.map(({ recipient, status }) => `${recipient} ${status}`);
}

it('BRK-01 BRK-17 answers for every recipient in the order of the input, whatever became of each', async () => {
  await using lab = await startLab({
    hosts: {
      mx1: {
        address: '127.0.10.1',
        tls: true,
        script: { recipients: { 'gone@one.test': '550 5.1.1 No such user' } },
      },
      mx2: { address: '127.0.10.2', script: { greeting: '421 4.3.2 Later' } },
    },
    records: { one: { MX: '10 mx1.test' }, two: { MX: '10 mx2.test' }, three: { MX: '0 .' } },
  });
  const outcomes = await lab.broker.send({
    ...message,
    to: ['late@two.test', 'bob@one.test', 'null@three.test'],
    cc: ['gone@one.test', 'nowhere@missing.test'],
    bcc: 'carol@one.test',
  });
  expect(statuses(outcomes)).toEqual([
    'late@two.test deferred',
    'bob@one.test delivered',
    'null@three.test failed',
    'gone@one.test failed',
    'nowhere@missing.test failed',
    'carol@one.test delivered',
  ]);
  await lab.hosts.mx1!.until(() => lab.hosts.mx1!.messages.length === 1);
  expect(lab.hosts.mx1!.sessions).toHaveLength(1);
});

it('BRK-02 gives the evidence: stage, host, address, reply, TLS, attempt number, transcript', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.10.1', tls: true } },
    records: { one: { MX: '10 mx1.test' } },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({
    status: 'delivered',
    recipient: 'bob@one.test',
    stage: 'final',
    attempt: 1,
    maybeDelivered: true,
    host: 'mx1.test',
    address: `127.0.10.1:${lab.port}`,
    reply: { code: 250 },
    tls: { protocol: 'TLSv1.3' },
  });
  expect(outcome!.transcript.map(({ text }) => text)).toContain('STARTTLS');
  expect(JSON.stringify(outcome!.transcript)).not.toContain('with a dot');
});

it('BRK-03 BRK-12 a domain that is silent neither delays nor fails the others, and Bcc stays invisible', async () => {
  const finished: string[] = [];
  await using lab = await startLab({
    hosts: {
      mx1: { address: '127.0.10.1' },
      mx2: { address: '127.0.10.2', script: { greeting: { after: 'hang' } } },
      mx3: { address: '127.0.10.3' },
    },
    records: { one: { MX: '10 mx1.test' }, two: { MX: '10 mx2.test' }, three: { MX: '10 mx3.test' } },
    broker: {
      delivery: { timeouts: { greetingMs: 1500 } },
      onTranscript: ({ host, text }: SessionLine) => {
        if (text.startsWith('250') && text.includes('2.0.0')) finished.push(host);
      },
    },
  });
  const outcomes = await lab.broker.send({
    ...message,
    to: 'a@two.test',
    cc: 'b@one.test',
    bcc: 'hidden@three.test',
  });
  expect(statuses(outcomes)).toEqual([
    'a@two.test deferred',
    'b@one.test delivered',
    'hidden@three.test delivered',
  ]);
  expect(lab.hosts.mx1!.messages[0]!.recipients.map(({ address }) => address)).toEqual(['b@one.test']);
  expect(lab.hosts.mx1!.messages[0]!.content.toString()).not.toMatch(/hidden|^bcc/im);
  expect(lab.hosts.mx3!.messages[0]!.content.toString()).not.toMatch(/hidden|^bcc/im);
});

it('BRK-04 goes to the next host after a refused connection, a 4yz greeting, a 5yz greeting and a 4yz in the session', async () => {
  await using lab = await startLab({
    hosts: {
      busy: { address: '127.0.10.2', script: { greeting: '450 4.3.2 Busy' } },
      closed: { address: '127.0.10.3', script: { greeting: '554 5.7.1 No service' } },
      full: { address: '127.0.10.4', script: { rcpt: '452 4.3.1 Disk full' } },
      good: { address: '127.0.10.5' },
    },
    records: {
      dead: { A: '127.0.10.1' },
      one: { MX: ['10 dead.test', '20 busy.test', '30 closed.test', '40 full.test', '50 good.test'] },
    },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({ status: 'delivered', host: 'good.test' });
  for (const name of ['busy', 'closed', 'full']) expect(lab.hosts[name]!.sessions).toHaveLength(1);
});

it('BRK-19 does not go to the next host after a 5yz to the recipient', async () => {
  await using lab = await startLab({
    hosts: {
      first: { address: '127.0.10.1', script: { rcpt: '550 5.1.1 No such user' } },
      second: { address: '127.0.10.2' },
    },
    records: { one: { MX: ['10 first.test', '20 second.test'] } },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({
    status: 'failed',
    category: 'bad-mailbox',
    enhanced: '5.1.1',
    host: 'first.test',
  });
  expect(lab.hosts.second!.sessions).toHaveLength(0);
});

it('BRK-20 does not go to the next host after an unknown end', async () => {
  await using lab = await startLab({
    hosts: {
      first: { address: '127.0.10.1', script: { content: { after: 'close' } } },
      second: { address: '127.0.10.2' },
    },
    records: { one: { MX: ['10 first.test', '20 second.test'] } },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({ status: 'unknown', maybeDelivered: true, host: 'first.test' });
  expect(lab.hosts.second!.sessions).toHaveLength(0);
});

it('offers a recipient that all hosts defer to each of them once, and reports a reply rather than silence', async () => {
  await using lab = await startLab({
    hosts: { grey: { address: '127.0.10.1', script: { rcpt: '451 4.7.1 Greylisted' } } },
    records: { dead: { A: '127.0.10.9' }, one: { MX: ['10 grey.test', '20 dead.test'] } },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({
    status: 'deferred',
    host: 'grey.test',
    enhanced: '4.7.1',
    category: 'temporary-host',
  });
});

it('tries the next host when one cannot carry the message, and fails when none can', async () => {
  const small = { keywords: ['PIPELINING', 'SIZE 100'] };
  await using lab = await startLab({
    hosts: {
      small1: { address: '127.0.10.1', ...small },
      small2: { address: '127.0.10.2', ...small },
      big: { address: '127.0.10.3' },
    },
    records: {
      one: { MX: ['10 small1.test', '20 big.test'] },
      two: { MX: ['10 small1.test', '20 small2.test'] },
    },
  });
  const outcomes = await lab.broker.send({ ...message, to: ['a@one.test', 'b@two.test'] });
  expect(outcomes[0]).toMatchObject({ status: 'delivered', host: 'big.test' });
  expect(outcomes[1]).toMatchObject({ status: 'failed', category: 'content', enhanced: '5.3.4' });
});

it('falls back to plain text on a new connection when the handshake fails', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.10.1', tls: 'close' } },
    records: { one: { MX: '10 mx1.test' } },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({ status: 'delivered' });
  expect(outcome!.tls?.protocol).toBeUndefined();
  expect(lab.hosts.mx1!.sessions).toHaveLength(2);
});

it('defers rather than falls back where TLS is required', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.10.1', tls: 'close' } },
    records: { one: { MX: '10 mx1.test' } },
    broker: { tls: { minimum: 'required' } },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({ status: 'deferred', category: 'tls-policy' });
  expect(lab.hosts.mx1!.messages).toHaveLength(0);
});

it('uses the implicit exchanger of a domain without MX, and fails a null MX with 5.1.10', async () => {
  await using lab = await startLab({
    hosts: { plain: { address: '127.0.10.1' } },
    records: { none: { MX: '0 .' } },
  });
  const outcomes = await lab.broker.send({ ...message, to: ['a@plain.test', 'b@none.test'] });
  expect(outcomes[0]).toMatchObject({ status: 'delivered', host: 'plain.test' });
  expect(outcomes[1]).toMatchObject({
    status: 'failed',
    stage: 'route',
    enhanced: '5.1.10',
    category: 'bad-domain',
  });
});

it('defers with a sentence that names the resolver when it cannot be reached', async () => {
  const broker = new MailBroker({
    hostname: 'client.test',
    dns: { servers: ['127.0.0.1:9'], timeoutMs: 300 },
  });
  const [outcome] = await broker.send(message);
  expect(outcome).toMatchObject({ status: 'deferred', stage: 'route', enhanced: '4.4.3' });
  expect((outcome as { reason: string }).reason).toContain('127.0.0.1');
});

it('defers with a sentence that names the address when the port is closed', async () => {
  await using lab = await startLab({ records: { dead: { A: '127.0.10.9' }, one: { MX: '10 dead.test' } } });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({ status: 'deferred', stage: 'connect', enhanced: '4.4.1' });
  expect((outcome as { reason: string }).reason).toContain('127.0.10.9');
});

it('never dials loopback unless it is allowed', async () => {
  await using trap = await startSmtpHost({ address: '127.0.10.1' });
  await using lab = await startLab({
    records: { trap: { A: '127.0.10.1' }, one: { MX: '10 trap.test' } },
    broker: { delivery: { port: trap.port, allowAddresses: [] } },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome!.status).not.toBe('delivered');
  expect(trap.sessions).toHaveLength(0);
});

it('signs once for all domains, so that an independent verifier passes DKIM, SPF and DMARC', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.10.1' }, mx2: { address: '127.0.10.2' } },
    records: {
      one: { MX: '10 mx1.test' },
      two: { MX: '10 mx2.test' },
      sender: { TXT: 'v=spf1 ip4:127.0.0.1 -all' },
      's1._domainkey.sender': { TXT: `v=DKIM1; k=ed25519; p=${point}` },
      '_dmarc.sender': { TXT: 'v=DMARC1; p=reject; adkim=s; aspf=s' },
    },
    broker: { dkim: { domain: 'sender.test', selector: 's1', privateKey } },
  });
  const outcomes = await lab.broker.send({ ...message, to: ['a@one.test', 'b@two.test'] });
  expect(statuses(outcomes)).toEqual(['a@one.test delivered', 'b@two.test delivered']);
  const received = lab.hosts.mx1!.messages[0]!.content;
  expect(lab.hosts.mx2!.messages[0]!.content).toEqual(received);
  expect(received.toString().match(/^DKIM-Signature:/gm)).toHaveLength(1);

  const resolver = async (name: string, type: string) => {
    const { Resolver } = await import('node:dns/promises');
    const dns = new Resolver();
    dns.setServers([`${lab.dns.address}:${lab.dns.port}`]);
    return dns.resolve(name, type as 'TXT');
  };
  const verdict = await authenticate(received, {
    ip: '127.0.0.1',
    helo: 'client.test',
    sender: 'ann@sender.test',
    mta: 'mx1.test',
    resolver: resolver as never,
  });
  expect(verdict.dkim.results[0]!.status.result).toBe('pass');
  expect(verdict.spf ? verdict.spf.status.result : undefined).toBe('pass');
  expect(verdict.dmarc ? verdict.dmarc.status.result : undefined).toBe('pass');
});

it('refuses to send unsigned when signing was asked for', async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.10.1' } },
    records: { one: { MX: '10 mx1.test' } },
    broker: { dkim: { domain: 'other.test', selector: 's1', privateKey } },
  });
  await expect(lab.broker.send(message)).rejects.toMatchObject({ code: 'MB_BROKER_NO_SIGNING_KEY' });
  expect(lab.hosts.mx1!.sessions).toHaveLength(0);
  const { publicKey } = generateKeyPairSync('ed25519');
  expect(
    () =>
      new MailBroker({
        hostname: 'client.test',
        dkim: { domain: 'sender.test', selector: 's1', privateKey: publicKey },
      }),
  ).toThrow(expect.objectContaining({ code: 'MB_DKIM_KEY_PUBLIC' }));
});

it('refuses a message that cannot be composed before anything is dialled', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.10.1' } },
    records: { one: { MX: '10 mx1.test' } },
  });
  const { from: _, ...withoutFrom } = message;
  await expect(lab.broker.send(withoutFrom as Message)).rejects.toMatchObject({
    code: 'MB_MIME_FROM_MISSING',
  });
  await expect(lab.broker.send({ ...message, to: 'not an address' })).rejects.toMatchObject({
    code: expect.stringMatching(/^MB_MIME_/),
  });
  await expect(
    lab.broker.send({ ...message, headers: { 'X-Injected': 'a\r\nBcc: victim@one.test' } }),
  ).rejects.toMatchObject({ code: expect.stringMatching(/^MB_MIME_/) });
  expect(lab.hosts.mx1!.sessions).toHaveLength(0);
});

it('ends all sessions when aborted, and still answers for every recipient', async () => {
  const abort = new AbortController();
  await using lab = await startLab({
    hosts: {
      mx1: {
        address: '127.0.10.1',
        keywords: ['PIPELINING'],
        script: {
          mail: () => {
            abort.abort();
            return { after: 'hang' };
          },
        },
      },
    },
    records: { one: { MX: ['10 mx1.test', '20 mx1.test'] } },
  });
  const outcomes = await lab.broker.send(message, { signal: abort.signal });
  expect(outcomes[0]).toMatchObject({ status: 'deferred', category: 'local' });
});

it('streams a large attachment again to the next host', async () => {
  let opened = 0;
  const chunk = new Uint8Array(64 * 1024).fill(120);
  await using lab = await startLab({
    hosts: {
      first: { address: '127.0.10.1', script: { content: '451 4.3.0 Try again' } },
      second: { address: '127.0.10.2' },
    },
    records: { one: { MX: ['10 first.test', '20 second.test'] } },
  });
  const [outcome] = await lab.broker.send({
    ...message,
    attachments: [
      {
        filename: 'large.bin',
        content: () => {
          opened++;
          return (async function* () {
            for (let i = 0; i < 64; i++) yield chunk;
          })();
        },
      },
    ],
  });
  expect(outcome).toMatchObject({ status: 'delivered', host: 'second.test' });
  expect(opened).toBeGreaterThan(1);
  expect(lab.hosts.second!.messages[0]!.contentBytes).toBeGreaterThan(64 * 64 * 1024);
});

it('gives up on a host that ends every connection once it is greeted, rather than dial it forever', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.10.1', script: { ehlo: { raw: '250 mx1.test\r\n', after: 'close' } } } },
    records: { one: { MX: '10 mx1.test' } },
  });
  const [outcome] = await lab.broker.send(message);
  expect(outcome).toMatchObject({ status: 'deferred', category: 'temporary-host' });
  expect(lab.hosts.mx1!.sessions.length).toBeLessThanOrEqual(2);
});
