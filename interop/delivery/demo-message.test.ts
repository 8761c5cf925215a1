import { MailBroker, type RecipientOutcome } from '@mb/broker';
import { signMessage } from '@mb/dkim';
import { createResolver } from '@mb/dns';
import { composeMessage } from '@mb/mime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { message } from '../../examples/demo/message.ts';
import { dkimpy, dkimVerifiers, installDkimVerifiers } from '../lab/dkim-verifiers.ts';
import { readStoredMessage } from './stored-message.ts';
import { startWorld, type World } from './world.ts';

/** With these the broker's octets can be composed and signed a second time, to compare with. */
const date = new Date();
const now = () => date.getTime();
const fixed = { ...message, date, messageId: '<demo-1@example.com>' };
const randomBytes = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 37 + 11) & 255);

describe('the demo message, delivered to real mail exchangers', () => {
  let world: World;
  let outcomes: RecipientOutcome[];
  let sent: { composed: Buffer; signature: string };

  beforeAll(async () => {
    await installDkimVerifiers();
    world = await startWorld();
    const dkim = { domain: 'example.com', selector: 'rsa', privateKey: world.rsaKey.privateKey, now };
    const broker = new MailBroker({
      hostname: 'mail.example.com',
      dkim,
      delivery: { allowAddresses: ['127.0.0.0/8'] },
      runtime: { randomBytes },
    });
    outcomes = await broker.send(fixed);
    const composed = Buffer.from(await composeMessage(fixed, { randomBytes }).bytes());
    sent = { composed, signature: await signMessage(composed, dkim) };
  });
  afterAll(() => world?.stop());

  it('finds its routes with the AD bit that the validating resolver sets for signed zones only', async () => {
    const resolver = createResolver();
    expect(await resolver.query('north.test', 'MX')).toMatchObject({ status: 'found', authentic: true });
    expect(await resolver.query('south.test', 'MX')).toMatchObject({ status: 'found', authentic: true });
    expect(await resolver.query('east.test', 'MX')).toMatchObject({ status: 'found', authentic: false });
  });

  it('is accepted for both recipients over TLS 1.3, each by the host that MX names', () => {
    expect(outcomes).toMatchObject([
      {
        status: 'delivered',
        recipient: 'alice@north.test',
        host: 'mx.north.test',
        address: '127.0.1.25:25',
        tls: { secure: true, protocol: 'TLSv1.3' },
        reply: { code: 250 },
      },
      {
        status: 'delivered',
        recipient: 'bob@south.test',
        host: 'mx2.south.test',
        address: '127.0.2.26:25',
        tls: { secure: true, protocol: 'TLSv1.3' },
        reply: { code: 250 },
      },
    ]);
  });

  it('arrives octet for octet as composed and signed', async () => {
    for (const [server, mailbox] of [
      [world.north, 'alice@north.test'],
      [world.south, 'bob@south.test'],
    ] as const) {
      const [stored] = await server.waitForMessages(mailbox, 1);
      const received = readStoredMessage(stored!);
      expect(received.added).toMatch(/^Return-Path: <zoe@example\.com>$/m);
      expect(received.added).toMatch(/^Received: from mail\.example\.com/m);
      expect(received.added).toMatch(/TLSv1\.3/);
      expect(sent.signature).toMatch(/^DKIM-Signature: v=1;/);
      const expected = Buffer.concat([Buffer.from(sent.signature), sent.composed]);
      expect(received.sent.equals(expected), difference(received.sent, expected)).toBe(true);
    }
  });

  it.each(dkimVerifiers)('has a signature that $name passes, as stored by Postfix', async ({ verify }) => {
    const [stored] = await world.north.waitForMessages('alice@north.test', 1);
    const asReceived = Buffer.from(stored!.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
    expect(await verify(asReceived)).toEqual({ passed: true, detail: expect.anything() });
    const changed = Buffer.from(
      asReceived.toString('latin1').replace('example.com>', 'example.org>'),
      'latin1',
    );
    expect(changed.equals(asReceived)).toBe(false);
  });

  it('has, with two keys, two signatures that dkimpy passes', async () => {
    const broker = new MailBroker({
      hostname: 'mail.example.com',
      dkim: [
        { domain: 'example.com', selector: 'rsa', privateKey: world.rsaKey.privateKey },
        { domain: 'example.com', selector: 'ed', privateKey: world.ed25519Key.privateKey },
      ],
      delivery: { allowAddresses: ['127.0.0.0/8'] },
    });
    await broker.send({ ...message, to: 'archive@north.test', cc: [] });
    const [stored] = await world.north.waitForMessages('archive@north.test', 1);
    const { sent } = readStoredMessage(stored!);
    expect(sent.toString('latin1').match(/^DKIM-Signature: .*?a=\S+;/gms)).toHaveLength(2);
    expect(await dkimpy.verify(sent)).toMatchObject({ passed: true, detail: '2 signatures [True, True]' });
  });
});

function difference(received: Buffer, expected: Buffer): string {
  let at = 0;
  while (at < expected.length && received[at] === expected[at]) at += 1;
  const around = (octets: Buffer) => JSON.stringify(octets.toString('latin1', Math.max(0, at - 40), at + 40));
  return `${received.length} octets received, ${expected.length} sent, differ at ${at}: ${around(received)} instead of ${around(expected)}`;
}
