import { MailBroker } from '@mb/broker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUnbound } from '../lab/unbound.ts';
import { readStoredMessage } from './stored-message.ts';
import { startWorld, type World } from './world.ts';

describe('the outcome of each recipient at real mail exchangers', () => {
  let world: World;
  let broker: MailBroker;

  beforeAll(async () => {
    world = await startWorld();
    broker = new MailBroker({
      hostname: 'mail.example.com',
      dkim: { domain: 'example.com', selector: 'rsa', privateKey: world.rsaKey.privateKey },
      delivery: { allowAddresses: ['127.0.0.0/8'] },
    });
  });
  afterAll(() => world?.stop());

  const letter = { from: 'zoe@example.com', text: 'Hello.\n' };

  it('a refused recipient does not affect the others of its domain and of other domains', async () => {
    const outcomes = await broker.send({
      ...letter,
      subject: 'refused',
      to: ['alice@north.test', 'nobody@north.test', 'anna@north.test'],
      cc: 'eve@east.test',
    });
    expect(outcomes).toMatchObject([
      { status: 'delivered', recipient: 'alice@north.test' },
      {
        status: 'failed',
        recipient: 'nobody@north.test',
        stage: 'rcpt',
        category: 'bad-mailbox',
        reply: { code: 550, enhanced: '5.1.1' },
      },
      { status: 'delivered', recipient: 'anna@north.test' },
      { status: 'delivered', recipient: 'eve@east.test', host: 'mx.east.test', tls: { protocol: 'TLSv1.3' } },
    ]);
    const [alice] = await world.north.waitForMessages('alice@north.test', 1);
    const [anna] = await world.north.waitForMessages('anna@north.test', 1);
    const [eve] = await world.east.waitForMessages('eve@east.test', 1);
    const { sent } = readStoredMessage(alice!);
    expect(readStoredMessage(anna!).sent.equals(sent)).toBe(true);
    expect(readStoredMessage(eve!).sent.equals(sent)).toBe(true);
    // Two accepted recipients of one domain share one transaction: one queue id for both.
    const ids = outcomes.flatMap((each) => (each.status === 'delivered' ? each.reply.lines.at(-1) : []));
    expect(ids[0]).toBe(ids[1]);
  });

  it("Exim's own verification passes the signature", async () => {
    await broker.send({ ...letter, subject: 'verified by Exim', to: 'eve@east.test' });
    await world.east.waitForMessages('eve@east.test', 1);
    expect(world.east.output()).toMatch(/DKIM: d=example\.com s=rsa .*\[verification succeeded\]/);
  });

  it('Bcc recipients get the message, and no recipient sees them in it', async () => {
    const before = (await world.south.messages('bob@south.test')).length;
    const outcomes = await broker.send({
      ...letter,
      subject: 'blind',
      to: 'alice@north.test',
      bcc: 'bob@south.test',
    });
    expect(outcomes.map(({ status }) => status)).toEqual(['delivered', 'delivered']);
    const stored = (await world.south.waitForMessages('bob@south.test', before + 1)).at(-1)!;
    expect(readStoredMessage(stored).sent.toString('latin1')).not.toMatch(/bob@south\.test/i);
  });

  it('a host that cannot be reached is followed by the next one', async () => {
    const [outcome] = await broker.send({ ...letter, subject: 'next host', to: 'bob@south.test' });
    expect(outcome).toMatchObject({ status: 'delivered', host: 'mx2.south.test', address: '127.0.2.26:25' });
  });

  it('a domain with a null MX fails permanently, without a connection, and others are delivered', async () => {
    const outcomes = await broker.send({
      ...letter,
      subject: 'null MX',
      to: ['x@closed.test', 'alice@north.test'],
    });
    expect(outcomes).toMatchObject([
      { status: 'failed', stage: 'route', enhanced: '5.1.10', category: 'bad-domain' },
      { status: 'delivered' },
    ]);
    expect(outcomes[0]).not.toHaveProperty('host');
  });

  it('a domain that does not exist fails permanently', async () => {
    const [outcome] = await broker.send({ ...letter, subject: 'no domain', to: 'x@nothing.example.org' });
    expect(outcome).toMatchObject({ status: 'failed', stage: 'route', enhanced: '5.1.2' });
  });

  it('without MX the domain itself is the host, and without STARTTLS the session stays plain', async () => {
    const [outcome] = await broker.send({ ...letter, subject: 'implicit MX', to: 'pia@plain.test' });
    expect(outcome).toMatchObject({ status: 'delivered', host: 'plain.test', tls: { secure: false } });
    const [stored] = await world.plain.waitForMessages('pia@plain.test', 1);
    expect(readStoredMessage(stored!).added).toMatch(/with ESMTP id/);
  });

  it('a handshake that fails is followed by a plain session on a new connection', async () => {
    const connections = () => world.old.output().match(/: connect from /g)?.length ?? 0;
    const before = connections();
    const [outcome] = await broker.send({ ...letter, subject: 'old TLS', to: 'otto@old.test' });
    expect(outcome).toMatchObject({ status: 'delivered', host: 'mx.old.test', tls: { secure: false } });
    await world.old.waitForMessages('otto@old.test', 1);
    expect(connections() - before).toBe(2);
    expect(world.old.output()).toMatch(/SSL_accept error/);
  });

  it('with TLS required, the same host gets nothing', async () => {
    const strict = new MailBroker({
      hostname: 'mail.example.com',
      delivery: { allowAddresses: ['127.0.0.0/8'] },
      tls: { minimum: 'required' },
    });
    const before = (await world.old.messages('otto@old.test')).length;
    const [outcome] = await strict.send({ ...letter, subject: 'strict', to: 'otto@old.test' });
    expect(outcome).toMatchObject({ status: 'deferred', category: 'tls-policy' });
    expect(await world.old.messages('otto@old.test')).toHaveLength(before);
  });

  it('a zone whose signatures do not validate defers its recipients', async () => {
    const wrong = world.dns.knot.trustAnchors.map((anchor) =>
      anchor.replace(/[0-9a-f]{64}$/i, 'ab'.repeat(32)),
    );
    const unbound = await startUnbound({
      address: '127.0.0.52',
      zones: { 'north.test': world.dns.knot.address },
      trustAnchors: wrong.filter((anchor) => anchor.startsWith('north.test.')),
    });
    try {
      const careful = new MailBroker({
        hostname: 'mail.example.com',
        dns: { servers: ['127.0.0.52'] },
        delivery: { allowAddresses: ['127.0.0.0/8'] },
      });
      const [outcome] = await careful.send({ ...letter, subject: 'bogus', to: 'alice@north.test' });
      expect(outcome).toMatchObject({ status: 'deferred', stage: 'route' });
    } finally {
      await unbound.stop();
    }
  });

  it('no private address is dialled unless it is allowed', async () => {
    const guarded = new MailBroker({ hostname: 'mail.example.com' });
    const [outcome] = await guarded.send({ ...letter, subject: 'guarded', to: 'alice@north.test' });
    expect(outcome).toMatchObject({ stage: 'route' });
    expect(outcome!.status).not.toBe('delivered');
  });
});
