import { describe, expect, it } from 'vitest';
import {
  ENVELOPE,
  ENVELOPE_FACTS,
  envelopeInputs,
  envelopeStates,
  LOSS,
  nextEnvelopeState,
  nextSessionState,
  nextWriterState,
  REPLIES,
  replyClasses,
  SESSION,
  sessionInputs,
  sessionStates,
  transactionStages,
  WRITER,
  writerInputs,
  writerStates,
} from './transitions.ts';

describe('SESSION', () => {
  it('SESS-04 answers every state × input with a state of the table or undefined', () => {
    let legal = 0;
    for (const state of sessionStates) {
      for (const input of sessionInputs) {
        const next = nextSessionState(state, input);
        if (next === undefined) continue;
        legal += 1;
        expect(sessionStates).toContain(next);
      }
    }
    expect(legal).toBe(Object.values(SESSION).flatMap((row) => Object.keys(row)).length);
  });

  it('SESS-04 every state but closed can be lost, and every one can be reached and left', () => {
    for (const state of sessionStates) {
      expect(nextSessionState(state, 'lost')).toBe(state === 'closed' ? undefined : 'closed');
    }
    const reached = new Set(['greeting']);
    for (const state of reached)
      for (const next of Object.values(SESSION[state as keyof typeof SESSION])) reached.add(next);
    expect([...reached].sort()).toEqual([...sessionStates].sort());
  });

  it('SESS-04 a state that waits for a reply knows every class of reply', () => {
    const classes = [
      'positive',
      'intermediate',
      'transient',
      'permanent',
      'not-implemented',
      'service-closing',
    ] as const;
    for (const state of ['greeting', 'hello', 'hello-fallback', 'starttls', 'auth', 'quitting'] as const) {
      for (const input of classes) expect(nextSessionState(state, input)).toBeDefined();
    }
    expect(nextSessionState('hello', 'not-implemented')).toBe('hello-fallback');
    expect(nextSessionState('hello', 'service-closing')).toBe('closed');
  });

  it('TLS-01 TLS-16 nothing but the handshake follows the 220 of STARTTLS, and EHLO follows that', () => {
    expect(SESSION.handshake).toEqual({ 'tls-established': 'hello', lost: 'closed' });
  });
});

describe('WRITER', () => {
  it('SESS-04 answers every state × input, and every state leads to over', () => {
    for (const state of writerStates) {
      for (const input of writerInputs) {
        const next = nextWriterState(state, input);
        if (next !== undefined) expect(writerStates).toContain(next);
      }
      expect(nextWriterState(state, 'lost')).toBe(state === 'over' ? undefined : 'over');
    }
  });

  it('SMTP-22 after the go-ahead only content follows', () => {
    expect(Object.keys(WRITER.content)).toEqual(['last-octet', 'given-up', 'lost']);
  });

  it('SMTP-24 only what was handed over completely can have been accepted', () => {
    const unknown = writerStates.filter((state) => LOSS[state] === 'unknown');
    expect(unknown).toEqual(['sent']);
  });
});

describe('ENVELOPE', () => {
  it('SESS-04 answers every state × input with a state of the table or undefined', () => {
    let legal = 0;
    for (const state of envelopeStates) {
      for (const input of envelopeInputs) {
        const next = nextEnvelopeState(state, input);
        if (next === undefined) continue;
        legal += 1;
        expect(envelopeStates).toContain(next);
      }
    }
    expect(legal).toBe(Object.values(ENVELOPE).flatMap((row) => Object.keys(row)).length);
  });

  it('SESS-04 reaches every state, and facts never become false again', () => {
    const reached = new Set<(typeof envelopeStates)[number]>(['unanswered']);
    for (const state of reached) {
      for (const input of envelopeInputs) {
        const next = nextEnvelopeState(state, input);
        if (next === undefined) continue;
        reached.add(next);
        for (const [fact, held] of Object.entries(ENVELOPE_FACTS[state]))
          if (held) expect(ENVELOPE_FACTS[next]).toHaveProperty(fact, true);
      }
    }
    expect([...reached].sort()).toEqual([...envelopeStates].sort());
  });
});

describe('REPLIES', () => {
  it('SESS-04 has an effect for every stage × class', () => {
    for (const stage of transactionStages) {
      for (const replyClass of replyClasses) expect(REPLIES[stage][replyClass]).toBeTypeOf('string');
      expect(REPLIES[stage]['421']).toBe('close');
      if (stage !== 'data' && stage !== 'data-void') expect(REPLIES[stage]['3yz']).toBe('drop');
    }
  });
});
