import { describe, expect, it } from 'vitest';
import { Talk } from '../../../test/talk.ts';
import { HostExperience } from './host-experience.ts';

const tls = { verified: true, description: 'TLSv1.3' };

describe('greeting and EHLO', () => {
  it('greets with EHLO and becomes ready', () => {
    const talk = new Talk();
    expect(talk.said()).toBe('');
    talk.server('220 mx.example.com');
    expect(talk.said()).toBe('EHLO client.example.org\r\n');
    talk.server('250-mx.example.com', '250 PIPELINING');
    expect(talk.events.map(({ type }) => type)).toEqual(['ready']);
  });

  for (const code of [500, 502, 504]) {
    it(`SMTP-03 falls back to HELO after ${code}`, () => {
      const talk = new Talk();
      talk.server('220 mx');
      talk.said();
      talk.server(`${code} what?`);
      expect(talk.said()).toBe('HELO client.example.org\r\n');
      talk.server('250 mx');
      expect(talk.closed).toBeUndefined();
    });
  }

  it('SMTP-03 delivers after HELO, in lockstep and without parameters', () => {
    const talk = new Talk();
    talk.server('220 mx');
    talk.server('502 what?');
    expect(talk.said()).toContain('HELO client.example.org\r\n');
    talk.server('250 mx');
    const id = talk.submit({}, 'hi\r\n');
    for (const [said, answer] of [
      ['MAIL FROM:<a@example.org>\r\n', '250 ok'],
      ['RCPT TO:<b@example.com>\r\n', '250 ok'],
      ['DATA\r\n', '354 go'],
      ['hi\r\n.\r\n', '250 taken'],
    ] as const) {
      expect(talk.said()).toBe(said);
      talk.server(answer);
    }
    expect(talk.statuses(id)).toEqual(['delivered']);
  });

  it.each([421, 550, 554, 451])('SMTP-44 does not fall back after %i', (code) => {
    const talk = new Talk();
    talk.server('220 mx');
    talk.said();
    talk.server(`${code} no`);
    expect(talk.said()).toBe('');
    expect(talk.closed?.error).toMatchObject({ scope: 'host', retryable: true });
  });

  it.each([
    [554, 'MB_SMTP_GREETING_REFUSED'],
    [500, 'MB_SMTP_GREETING_REFUSED'],
    [450, 'MB_SMTP_GREETING_REFUSED'],
    [421, 'MB_SMTP_SERVICE_CLOSING'],
    [354, 'MB_SMTP_REPLY_UNEXPECTED'],
  ])(
    'SMTP-06 SMTP-74 takes %i for a greeting as being about the host and worth a later try',
    (code, error) => {
      const talk = new Talk();
      const id = talk.submit({}, 'hi');
      talk.server(`${code} go away`);
      expect(talk.closed?.error).toMatchObject({
        code: error,
        scope: 'host',
        retryable: true,
        reply: { code },
      });
      expect(talk.notAttempted(id)).toBeDefined();
    },
  );

  it('SMTP-35 takes 521 for a greeting as final: the host never takes mail (RFC 7504)', () => {
    for (const [line, enhanced] of [
      ['521 no mail here', '5.3.2'],
      ['521 5.3.9 no mail here', '5.3.9'],
    ]) {
      const talk = new Talk();
      talk.server(line!);
      expect(talk.closed?.error).toMatchObject({
        code: 'MB_SMTP_GREETING_REFUSED',
        retryable: false,
        enhanced,
      });
    }
  });

  it('SMTP-54 does not take replies for commands that were not sent yet', () => {
    const talk = new Talk({ starttls: 'never' });
    talk.raw('220 mx\r\n250-mx\r\n250 PIPELINING\r\n');
    expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_REPLY_UNEXPECTED' });
  });

  it('refuses unknown options and bad names', () => {
    expect(() => new Talk({ colour: 'red' } as object)).toThrow(
      expect.objectContaining({ code: 'MB_SMTP_OPTION' }),
    );
    expect(() => new Talk({ hostname: 'a b' })).toThrow(expect.objectContaining({ code: 'MB_SMTP_OPTION' }));
    expect(() => new Talk({ timeouts: { finalMs: 0 } })).toThrow(/finalMs/);
    expect(() => new Talk({ limits: { nonsense: 1 } as object })).toThrow(/nonsense/);
  });
});

describe('STARTTLS', () => {
  const offering = (options = {}) => {
    const talk = new Talk(options);
    talk.server('220 mx');
    talk.server('250-mx', '250-PIPELINING', '250-AUTH PLAIN', '250 STARTTLS');
    return talk;
  };

  it('TLS-16 TLS-46 asks for TLS, forgets what it knew and says EHLO again', () => {
    const talk = offering();
    expect(talk.said()).toBe('EHLO client.example.org\r\nSTARTTLS\r\n');
    talk.server('220 go');
    expect(talk.events.map(({ type }) => type)).toEqual(['tls-required']);
    expect(talk.said()).toBe('');
    talk.session.tlsEstablished(tls, talk.now);
    talk.pump();
    expect(talk.session.capabilities).toBeUndefined();
    expect(talk.said()).toBe('EHLO client.example.org\r\n');
    talk.server('250-mx', '250 8BITMIME');
    expect(talk.session.capabilities).toMatchObject({
      pipelining: false,
      eightBitMime: true,
      startTls: false,
      auth: [],
    });
  });

  for (const [name, text] of [
    ['a whole reply', '220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n'],
    ['half a line', '220 go\r\n25'],
    ['a single octet', '220 go\r\nx'],
  ] as const) {
    it(`TLS-01 closes the session for ${name} after the 220`, () => {
      const talk = offering();
      talk.raw(text);
      expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_TLS_INJECTION', kind: 'peer-misbehaved' });
      expect(talk.events.map(({ type }) => type)).not.toContain('tls-required');
    });
  }

  it('TLS-01 closes the session for octets in clear text that come before the handshake begins', () => {
    const talk = offering();
    talk.server('220 go');
    talk.raw('250 injected\r\n');
    expect(talk.closed?.error?.code).toBe('MB_SMTP_TLS_INJECTION');
  });

  it('TLS-25 TLS-41 a refused STARTTLS ends the session, whatever the level; a missing one only where TLS is required', () => {
    for (const starttls of ['offered', 'required'] as const) {
      const talk = offering({ starttls });
      talk.server('454 not now');
      expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_TLS_REFUSED', reply: { code: 454 } });
    }
    expect(Talk.ready([], { starttls: 'required' }).closed?.error?.code).toBe('MB_SMTP_TLS_NOT_OFFERED');
    expect(Talk.ready([], { starttls: 'offered' }).closed).toBeUndefined();
  });

  it('TLS-26 a server that offers STARTTLS again inside TLS is not asked again', () => {
    const talk = offering();
    talk.server('220 go');
    talk.session.tlsEstablished(tls, talk.now);
    talk.pump();
    talk.said();
    talk.server('250-mx', '250 STARTTLS');
    expect(talk.said()).toBe('');
    expect(talk.events.at(-1)?.type).toBe('ready');
  });

  it('TLS-17 the handshake has a deadline of its own', () => {
    const talk = offering();
    talk.server('220 go');
    talk.wait(59_999);
    expect(talk.closed).toBeUndefined();
    talk.wait(1);
    expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_TLS_TIMEOUT', kind: 'tls' });
  });

  it('TLS-05 counts REQUIRETLS only when it was offered inside TLS', () => {
    const clear = Talk.ready(['PIPELINING', 'REQUIRETLS'], { starttls: 'never' });
    expect(clear.results(clear.submit({ requireTls: true }, 'x'))?.[0]).toMatchObject({
      status: 'failed',
      error: { code: 'MB_SMTP_REQUIRETLS_NOT_OFFERED', enhanced: '5.7.30', scope: 'host' },
    });
    expect(clear.said()).toBe('');
    const secure = Talk.ready(['PIPELINING', 'REQUIRETLS'], { implicitTls: tls });
    secure.submit({ requireTls: true }, 'x');
    expect(secure.said()).toContain('MAIL FROM:<a@example.org> REQUIRETLS\r\n');
  });
});

describe('timeouts', () => {
  const stages: readonly [string, number, (talk: Talk) => void][] = [
    ['greeting', 300_000, () => {}],
    ['ehlo', 300_000, (talk) => talk.server('220 mx')],
    ['mail', 300_000, (talk) => submitThen(talk)],
    ['rcpt', 300_000, (talk) => submitThen(talk, '250 ok')],
    ['data', 120_000, (talk) => submitThen(talk, '250 ok', '250 ok')],
    ['final', 600_000, (talk) => submitThen(talk, '250 ok', '250 ok', '354 go')],
  ];
  function submitThen(talk: Talk, ...answers: string[]): void {
    talk.server('220 mx');
    talk.server('250-mx', '250 PIPELINING');
    talk.submit({}, 'hi\r\n');
    talk.server(...answers);
  }
  for (const [stage, ms, prepare] of stages) {
    it(`SESS-01 SESS-14 waits ${ms / 1000} s for the reply at ${stage}, and trickled octets do not extend that`, () => {
      const talk = new Talk();
      prepare(talk);
      expect(talk.session.nextDeadline()).toBe(talk.now + ms);
      for (let at = 0; at < 9; at++) {
        talk.wait(ms / 10);
        talk.raw(at === 0 ? '250-' : 'x');
      }
      talk.wait(ms / 10 - 1);
      expect(talk.closed).toBeUndefined();
      talk.wait(1);
      expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_REPLY_TIMEOUT', kind: 'timeout', stage });
    });
  }

  it('SESS-01 messages that are written meanwhile do not extend the wait for a reply', () => {
    for (const [answers, stage] of [
      [[], 'mail'],
      [['250 ok'], 'rcpt'],
    ] as const) {
      const talk = Talk.ready(['PIPELINING', 'CHUNKING']);
      talk.submit({}, 'x');
      talk.server(...answers);
      for (let count = 0; count < 3; count++) {
        talk.wait(90_000);
        talk.submit({}, 'x');
      }
      talk.wait(29_999);
      expect(talk.closed).toBeUndefined();
      talk.wait(1);
      expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_REPLY_TIMEOUT', stage });
    }
  });

  it('SESS-01 each reply of a window has its own time', () => {
    const talk = Talk.ready(['PIPELINING', 'CHUNKING']);
    const ids = [talk.submit({}, 'x'), talk.submit({}, 'x')];
    for (const ms of [299_000, 299_000, 599_000, 19_000]) {
      talk.wait(ms);
      talk.server('250 ok');
    }
    expect(talk.statuses(ids[0]!)).toEqual(['delivered']);
    talk.wait(299_999);
    expect(talk.closed).toBeUndefined();
    talk.wait(1);
    expect(talk.closed?.error).toMatchObject({ stage: 'mail' });
  });

  it('SMTP-40 a host that tarpits at RCPT in a window of one leaves no outcome unknown', () => {
    const talk = Talk.ready(['PIPELINING', 'CHUNKING'], { experience: new HostExperience() });
    const ids = [talk.submit({}, 'x'), talk.submit({}, 'x')];
    talk.server('250 ok');
    talk.wait(300_000);
    expect(talk.summary(ids[0]!)).toEqual(['deferred @rcpt']);
    expect(talk.notAttempted(ids[1]!)).toBe('MB_SMTP_REPLY_TIMEOUT');
  });

  it('SMTP-33 a reply that does not come to the end of data is said to be late', () => {
    const talk = Talk.ready();
    const id = talk.submit({}, 'x');
    talk.server('250 ok', '250 ok', '354 go');
    talk.wait(600_000);
    const [result] = talk.results(id)!;
    expect(result).toMatchObject({
      status: 'unknown',
      error: {
        code: 'MB_SMTP_OUTCOME_UNKNOWN',
        kind: 'timeout',
        message: expect.stringContaining('in time'),
      },
    });
  });

  it('SESS-08 the setup as a whole ends after 600 s', () => {
    const talk = new Talk();
    talk.wait(299_000);
    talk.server('220 mx');
    talk.wait(299_000);
    talk.server('250-mx', '250 STARTTLS');
    expect(talk.session.nextDeadline()).toBe(talk.now + 2000);
    talk.wait(2000);
    expect(talk.closed?.error).toMatchObject({
      code: 'MB_SMTP_OVERALL_TIMEOUT',
      scope: 'host',
      stage: 'starttls',
    });
  });

  it('SESS-26 a transaction as a whole ends after an hour, but not after its end of data', () => {
    const to = Array.from({ length: 20 }, (_, at) => `u${at}@example.com`);
    const talk = Talk.ready();
    const id = talk.submit({ to }, 'x');
    talk.server('250 ok');
    for (let replies = 0; replies < 12; replies++) {
      talk.wait(290_000);
      talk.server('250 ok');
    }
    talk.wait(120_000);
    expect(talk.closed?.error).toMatchObject({
      code: 'MB_SMTP_OVERALL_TIMEOUT',
      scope: 'session',
      stage: 'rcpt',
    });
    expect(new Set(talk.statuses(id))).toEqual(new Set(['deferred']));

    const late = Talk.ready(['PIPELINING'], { timeouts: { transactionMs: 1000 } });
    const other = late.submit({}, 'x');
    late.server('250 ok', '250 ok', '354 go');
    late.wait(500_000);
    late.server('250 ok');
    expect(late.statuses(other)).toEqual(['delivered']);
  });

  it('SESS-27 time spent waiting for another message, or idle, does not count', () => {
    const talk = Talk.ready(['PIPELINING'], { timeouts: { transactionMs: 100_000 } });
    const ids = [talk.submit({}, 'x'), talk.submit({}, 'x')];
    talk.server('250 ok', '250 ok', '354 go');
    talk.wait(90_000);
    talk.server('250 ok');
    talk.wait(90_000);
    talk.server('250 ok', '250 ok', '354 go');
    talk.server('250 ok');
    expect(ids.map((id) => talk.statuses(id))).toEqual([['delivered'], ['delivered']]);
    expect(talk.session.nextDeadline()).toBeUndefined();
  });

  it('SESS-01 a block that the transport does not take within 180 s ends the session', () => {
    const talk = Talk.ready();
    const id = talk.session.submit({ from: '', to: ['b@example.com'] }, new Uint8Array(10));
    talk.session.pollTransmit(talk.now);
    expect(talk.session.nextDeadline()).toBe(talk.now + 180_000);
    talk.wait(180_000);
    expect(talk.closed?.error?.code).toBe('MB_SMTP_WRITE_TIMEOUT');
    expect(talk.summary(id)).toEqual(['deferred @mail']);
  });

  it('SESS-13 every timeout can be set', () => {
    const talk = new Talk({ timeouts: { greetingMs: 5 } });
    expect(talk.session.nextDeadline()).toBe(talk.now + 5);
  });

  it('SESS-01 an idle session waits for nothing', () => {
    expect(Talk.ready().session.nextDeadline()).toBeUndefined();
  });

  it('SESS-01 RSET has 20 s and QUIT ends without an error when it is not answered', () => {
    const talk = Talk.ready();
    talk.submit({}, 'x');
    talk.server('550 no', '503 no', '503 no');
    talk.submit({}, 'x');
    talk.server('250 ok', '550 no', '554 no');
    talk.submit({}, 'x');
    expect(talk.said()).toContain('RSET\r\nMAIL');
    expect(talk.session.nextDeadline()).toBe(talk.now + 20_000);
    talk.server('250 ok', '250 ok', '250 ok', '354 go');
    talk.server('250 ok');
    talk.session.quit(talk.now);
    talk.pump();
    expect(talk.said()).toContain('QUIT\r\n');
    talk.wait(20_000);
    expect(talk.closed).toEqual({ type: 'closed' });
  });
});
