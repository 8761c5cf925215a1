import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Draw, ModelHost } from '../../../test/model-host.ts';
import type { TransactionResult } from '../transaction/result.ts';
import { HostExperience } from './host-experience.ts';
import { SmtpSession } from './session.ts';

const keywordSets = [
  ['8BITMIME'],
  ['PIPELINING', 'SIZE'],
  ['PIPELINING', 'CHUNKING'],
  ['CHUNKING', 'BINARYMIME', 'PIPELINING'],
];

interface Run {
  readonly host: ModelHost;
  readonly outcomes: Map<number, readonly (TransactionResult | undefined)[] | 'not-attempted'>;
}

/** A small generator, so that a run depends on its seed alone. */
function seeded(seed: number): Draw {
  let state = seed >>> 0;
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * (most + 1));
  };
}

/** Several messages over one session against a host whose behaviour and cuts of octets are drawn at random. */
function run(seed: number, faults: boolean, messages: number, streamed: boolean): Run {
  const draw = seeded(seed);
  const host = new ModelHost(keywordSets[draw(keywordSets.length - 1)]!, draw, faults);
  const session = new SmtpSession(
    {
      hostname: 'client.example.org',
      experience: new HostExperience({ window: 1 + draw(15) }),
      // Each message is offered to this session, however many of them are refused.
      limits: { chunkingWindow: 1 + draw(5), eagerOctets: draw(1) ? 30 : 3000, refusalsInRow: 1000 },
    },
    0,
  );
  const outcomes: Run['outcomes'] = new Map();
  const ids = Array.from({ length: messages }, (_, at) => {
    const to = Array.from({ length: 1 + draw(4) }, (_, index) => `u${at}-${index}@example.com`);
    return session.submit(
      { from: `m${at + 1}@example.org`, to },
      streamed ? undefined : Buffer.from(contentOf(at + 1)),
    );
  });
  expect(ids[0]).toBe(1);
  for (let turn = 0, idle = 0; idle < 3 && turn < 100_000; turn++) {
    let moved = false;
    for (let out = session.pollTransmit(0); out; out = session.pollTransmit(0)) {
      moved = true;
      for (const piece of cut(out, draw)) host.receive(piece);
      session.transmitted(0);
    }
    for (const piece of cut(host.take(), draw)) {
      moved ||= piece.length > 0;
      session.receive(piece, 0);
    }
    for (let event = session.next(); event; event = session.next()) {
      moved = true;
      if (event.type === 'delivery-settled') outcomes.set(event.id, event.recipients);
      if (event.type === 'delivery-not-attempted') outcomes.set(event.id, 'not-attempted');
      if (event.type === 'content-wanted') {
        if (event.restart) positions.set(event.id, 0);
        provide(session, event.id, draw);
      }
    }
    if (!moved && host.ended) session.receiveEof(0);
    idle = moved ? 0 : idle + 1;
  }
  positions.clear();
  return { host, outcomes };
}

const positions = new Map<number, number>();
const contentOf = (message: number) =>
  `Subject: ${message}\r\n\r\n.dots\r\n..\r\n${'line\r\n'.repeat(message * 7)}`;

function provide(session: SmtpSession, id: number, draw: Draw): void {
  const content = contentOf(id);
  const at = positions.get(id) ?? 0;
  const end = Math.min(content.length, at + 1 + draw(40));
  if (at < content.length) session.provideContent(id, Buffer.from(content.slice(at, end)), 0);
  else session.endContent(id, 0);
  positions.set(id, end);
}

function cut(octets: Uint8Array, draw: Draw): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < octets.length; ) {
    const length = draw(2) === 0 ? 1 + draw(20) : octets.length;
    pieces.push(octets.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

function check({ host, outcomes }: Run, messages: number): void {
  expect(host.complaints).toEqual([]);
  expect(outcomes.size).toBe(messages);
  const taken = new Set(host.taken.map(({ from, recipient }) => `${from} ${recipient}`));
  const silent = new Set(host.silentlyTaken.map(({ from, recipient }) => `${from} ${recipient}`));
  for (const item of [...host.taken, ...host.silentlyTaken]) {
    const message = Number(/\d+/.exec(item.from)?.[0]);
    expect(item.recipient.startsWith(`u${message - 1}-`)).toBe(true);
    expect(item.content).toBe(contentOf(message));
  }
  for (const [id, results] of outcomes) {
    if (results === 'not-attempted') {
      for (const key of [...taken, ...silent]) expect(key.startsWith(`m${id}@`)).toBe(false);
      continue;
    }
    results.forEach((result, index) => {
      const key = `m${id}@example.org u${id - 1}-${index}@example.com`;
      const status = result!.status;
      if (taken.has(key)) expect(status).toBe('delivered');
      else if (silent.has(key)) expect(status).toBe('unknown');
      else expect(['failed', 'deferred', 'unknown']).toContain(status);
      if (status === 'delivered') expect(taken.has(key)).toBe(true);
    });
  }
  expect(taken.size).toBe(host.taken.length);
}

describe('a session against a model host', () => {
  for (const streamed of [false, true]) {
    it(`SMTP-67 SESS-18 gives every recipient its own true outcome, without faults (streamed: ${streamed})`, () => {
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 1, max: 8 }), (seed, messages) => {
          const result = run(seed, false, messages, streamed);
          check(result, messages);
          for (const results of result.outcomes.values()) {
            if (results === 'not-attempted') throw new Error('not attempted');
            for (const result of results) expect(result!.status).not.toBe('unknown');
          }
        }),
        { numRuns: 1000 },
      );
    });

    it(`SMTP-67 SMTP-24 SESS-18 gives every recipient its own true outcome when the session ends anywhere (streamed: ${streamed})`, () => {
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 1, max: 8 }), (seed, messages) => {
          check(run(seed, true, messages, streamed), messages);
        }),
        { numRuns: 3000 },
      );
    });
  }
});
