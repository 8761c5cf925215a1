import packet from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { Exchange, type ExchangeServer, type ExchangeStep } from './exchange.ts';

const servers: readonly ExchangeServer[] = [
  { label: '192.0.2.1:53', trusted: true, transport: 'datagram' },
  { label: '192.0.2.2:53', trusted: false, transport: 'datagram' },
];

function start(list: readonly ExchangeServer[] = servers) {
  const exchange = ask(list);
  return { exchange, first: sent(exchange.start(0)) };
}

function ask(list: readonly ExchangeServer[]): Exchange {
  let id = 100;
  return new Exchange({
    name: 'a.test',
    type: 'A',
    servers: list,
    deadline: 10_000,
    attemptTimeoutMs: 1_000,
    nextId: () => id++,
  });
}

function sent(step: ExchangeStep) {
  if (step.do !== 'send') throw new Error(`expected a message, got ${JSON.stringify(step)}`);
  return step;
}

interface Reply {
  readonly rcode?: number;
  readonly flags?: number;
  readonly name?: string;
  readonly id?: number;
  readonly extendedError?: number;
}

function reply(
  step: { message: Uint8Array },
  { rcode = 0, flags = 0, name = 'a.test', id, extendedError }: Reply = {},
) {
  const query = packet.decode(Buffer.from(step.message));
  const option = { code: 15, data: Buffer.from([0, extendedError ?? 0]) } as never;
  return packet.encode({
    id: id ?? query.id!,
    type: 'response',
    flags: flags | rcode,
    questions: [{ type: 'A', name }],
    answers: rcode === 0 ? [{ type: 'A', name, ttl: 60, data: '192.0.2.9' }] : [],
    additionals:
      extendedError === undefined
        ? []
        : [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: 1232,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [option],
            },
          ],
  });
}

describe('Exchange', () => {
  it('DNS-70 takes only an answer to its own id and question, in any case', () => {
    const { exchange, first } = start();
    expect(exchange.receive(0, reply(first, { id: 99 }), 1)).toEqual({ do: 'wait' });
    expect(exchange.receive(0, reply(first, { name: 'b.test' }), 1)).toEqual({ do: 'wait' });
    expect(exchange.receive(0, new Uint8Array(1), 1)).toEqual({ do: 'wait' });
    expect(exchange.receive(7, reply(first), 1)).toEqual({ do: 'wait' });
    expect(exchange.receive(0, reply(first, { name: 'A.TEST' }), 1)).toMatchObject({
      do: 'done',
      outcome: { ok: true },
    });
  });

  it('DNS-69 goes round the servers, waits twice as long each round, and stops at the deadline', () => {
    const { exchange, first } = start();
    expect(first).toMatchObject({ server: 0, timeoutAt: 1_000, transport: 'datagram' });
    const second = sent(exchange.handleTimeout(1_000));
    expect(second).toMatchObject({ server: 1, timeoutAt: 2_000 });
    const third = sent(exchange.handleTimeout(2_000));
    expect(third).toMatchObject({ server: 0, timeoutAt: 4_000 });
    expect(sent(exchange.handleTimeout(4_000))).toMatchObject({ server: 1, timeoutAt: 6_000 });
    expect(sent(exchange.handleTimeout(9_000))).toMatchObject({ timeoutAt: 10_000 });
    expect(exchange.handleTimeout(10_000)).toMatchObject({
      do: 'done',
      outcome: {
        ok: false,
        status: 'timeout',
        reason: expect.stringContaining('192.0.2.1:53, 192.0.2.2:53'),
      },
    });
  });

  it('DNS-70 takes a late answer to an earlier attempt', () => {
    const { exchange, first } = start();
    exchange.handleTimeout(1_000);
    expect(exchange.receive(first.attempt, reply(first), 1_500)).toMatchObject({
      do: 'done',
      outcome: { ok: true },
    });
  });

  it('DNS-68 turns to a stream when the answer is truncated', () => {
    const { exchange, first } = start();
    const second = sent(exchange.receive(0, reply(first, { flags: 0x0200 }), 5));
    expect(second).toMatchObject({ server: 0, transport: 'stream' });
    expect(packet.decode(Buffer.from(second.message)).id).not.toBe(
      packet.decode(Buffer.from(first.message)).id,
    );
    // Truncated over a stream as well, it is no answer, and not an empty one either.
    const other = start([servers[0]!]);
    const stream = sent(other.exchange.receive(0, reply(other.first, { flags: 0x0200 }), 5));
    expect(other.exchange.receive(1, reply(stream, { flags: 0x0200 }), 6)).toMatchObject({
      outcome: { status: 'servfail', cause: 'malformed' },
    });
    // The truncated answer again changes nothing.
    expect(exchange.receive(0, reply(first), 6)).toEqual({ do: 'wait' });
  });

  it('DNS-76 asks a server without EDNS again without it', () => {
    const { exchange, first } = start();
    const second = sent(exchange.receive(0, reply(first, { rcode: 1 }), 5));
    expect(second.server).toBe(0);
    expect(packet.decode(Buffer.from(second.message)).additionals).toEqual([]);
    expect(sent(exchange.receive(1, reply(second, { rcode: 1 }), 5)).server).toBe(1);
  });

  it('DNS-01 DNS-69 moves on at once when a server refuses, and names the last when all do', () => {
    const { exchange, first } = start(servers.map((server) => ({ ...server, trusted: false })));
    const second = sent(exchange.receive(0, reply(first, { rcode: 5 }), 5));
    expect(second.server).toBe(1);
    expect(exchange.fail(second.attempt, 'Nothing listens on that port.', 6)).toMatchObject({
      do: 'done',
      outcome: {
        status: 'servfail',
        cause: 'network',
        reason: 'a.test A at 192.0.2.2:53: Nothing listens on that port.',
      },
    });
  });

  it('DNS-66 calls SERVFAIL of a validating server bogus when it says so', () => {
    for (const extendedError of [6, 7, 8, 9, 10, 11, 12]) {
      const { exchange, first } = start();
      expect(exchange.receive(0, reply(first, { rcode: 2, extendedError }), 5)).toMatchObject({
        do: 'done',
        outcome: { status: 'bogus', cause: 'validation' },
      });
    }
  });

  it('DNS-66 calls SERVFAIL bogus when the same question with CD has an answer', () => {
    const { exchange, first } = start();
    const probe = sent(exchange.receive(0, reply(first, { rcode: 2 }), 5));
    expect(packet.decode(Buffer.from(probe.message)).flag_cd).toBe(true);
    expect(exchange.receive(probe.attempt, reply(probe), 6)).toMatchObject({
      do: 'done',
      outcome: { status: 'bogus' },
    });
  });

  it('DNS-66 leaves SERVFAIL as it is when CD does not help, and never asks an untrusted server that', () => {
    const { exchange, first } = start([servers[0]!]);
    const probe = sent(exchange.receive(0, reply(first, { rcode: 2 }), 5));
    expect(exchange.receive(probe.attempt, reply(probe, { rcode: 2 }), 6)).toMatchObject({
      do: 'done',
      outcome: {
        status: 'servfail',
        cause: 'response-code',
        reason: 'a.test A at 192.0.2.1:53: It answered SERVFAIL.',
      },
    });
    const other = start([servers[1]!]);
    expect(other.exchange.receive(0, reply(other.first, { rcode: 2 }), 5)).toMatchObject({
      outcome: { status: 'servfail' },
    });
  });

  it('DNS-64 believes AD only from a trusted server', () => {
    for (const server of servers) {
      const { exchange, first } = start([server]);
      expect(exchange.receive(0, reply(first, { flags: 0x20 }), 5)).toMatchObject({
        outcome: { authentic: server.trusted },
      });
    }
  });

  it('DNS-65 lays a failure at the domain once a server answered, else at us, and leaves silence open', () => {
    const codes = { refused: 5, servfail: 2 };
    const scopeOf = (...behaviours: ('silent' | 'unreachable' | 'truncated' | keyof typeof codes)[]) => {
      const { exchange, first } = start(behaviours.map(() => servers[1]!));
      let step: ExchangeStep = first;
      for (const behaviour of behaviours) {
        const query = sent(step);
        if (behaviour === 'silent') step = exchange.handleTimeout(1_000);
        else if (behaviour === 'unreachable') step = exchange.fail(query.attempt, 'Nothing listens.', 5);
        else if (behaviour === 'truncated') {
          const stream = sent(exchange.receive(query.attempt, reply(query, { flags: 0x0200 }), 5));
          step = exchange.fail(stream.attempt, 'Nothing listens.', 6);
        } else step = exchange.receive(query.attempt, reply(query, { rcode: codes[behaviour] }), 5);
      }
      if (step.do === 'send') step = exchange.handleTimeout(10_000);
      return step.do === 'done' && !step.outcome.ok ? step.outcome.scope : undefined;
    };
    expect(scopeOf('servfail')).toBe('domain');
    expect(scopeOf('servfail', 'unreachable')).toBe('domain');
    expect(scopeOf('servfail', 'silent')).toBe('domain');
    expect(scopeOf('truncated')).toBe('domain');
    expect(scopeOf('unreachable')).toBe('local');
    expect(scopeOf('refused', 'unreachable')).toBe('local');
    expect(scopeOf('silent')).toBe('unclear');
    expect(scopeOf('refused')).toBe('unclear');
    expect(scopeOf('silent', 'unreachable')).toBe('unclear');
    // Nothing was asked for want of time: that is ours.
    expect(ask(servers).start(10_000)).toMatchObject({ outcome: { status: 'timeout', scope: 'local' } });
  });

  it('DNS-04 makes garbage under the right id a failure of that server', () => {
    const { exchange, first } = start([servers[0]!]);
    const garbage = Buffer.from(reply(first).subarray(0, 20));
    expect(exchange.receive(0, garbage, 5)).toMatchObject({
      do: 'done',
      outcome: { status: 'servfail', cause: 'malformed' },
    });
  });
});
