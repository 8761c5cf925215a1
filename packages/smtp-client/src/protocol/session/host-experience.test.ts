import { describe, expect, it } from 'vitest';
import { Talk } from '../../../test/talk.ts';
import { HostExperience } from './host-experience.ts';

const chunking = ['PIPELINING', 'CHUNKING'];

/** Lets a message through a session, step by step. */
function deliver(talk: Talk, answer = '250 queued'): number {
  const id = talk.submit({}, 'x\r\n');
  talk.server('250 ok');
  talk.server('250 ok');
  if (talk.said().includes('DATA\r\n')) talk.server('354 go');
  talk.server(answer);
  talk.said();
  return id;
}

/** Refuses the recipient of a message, and what was written ahead of that. */
function refuse(talk: Talk): void {
  talk.submit({}, 'x\r\n');
  const said = talk.said();
  if (said.startsWith('RSET')) talk.server('250 ok');
  talk.server('250 ok');
  talk.server('450 4.7.1 try again later');
  if (/DATA|BDAT/.test(said)) talk.server('554 5.5.1 no valid recipients');
}

describe('the window of messages', () => {
  for (const keywords of [['PIPELINING'], chunking]) {
    it(`SMTP-32 SMTP-77 is one at first: nothing follows a message that has no answer (${keywords})`, () => {
      const talk = Talk.ready(keywords, { experience: new HostExperience() });
      talk.submit({}, 'one\r\n');
      talk.submit({}, 'two\r\n');
      const data = keywords.length === 1;
      expect(talk.said()).toBe(
        `MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\n${data ? 'DATA\r\n' : ''}`,
      );
      talk.server('250 ok');
      expect(talk.said()).toBe('');
      talk.server('250 ok', ...(data ? ['354 go'] : []));
      expect(talk.said()).toBe(data ? 'one\r\n.\r\n' : 'BDAT 5 LAST\r\none\r\n');
      talk.server('250 queued');
      expect(talk.said()).toMatch(/^MAIL/);
    });
  }

  /** The window after each of `count` messages that are all accepted. */
  const windowsAfter = (count: number) => {
    const experience = new HostExperience();
    const talk = Talk.ready(chunking, { experience });
    return Array.from({ length: count }, () => {
      deliver(talk);
      return experience.window;
    });
  };

  it('SMTP-38 doubles after 16 messages in a row without a refusal', () => {
    const windows = windowsAfter(64);
    expect([14, 15, 30, 31, 46, 47, 62, 63].map((at) => windows[at])).toEqual([1, 2, 2, 4, 4, 8, 8, 16]);
  });

  it('SMTP-84 is at most 16', () => {
    expect(windowsAfter(160).at(-1)).toBe(16);
  });

  it('SMTP-38 a refusal starts the run again', () => {
    const experience = new HostExperience({ cleanRun: 15 });
    const talk = Talk.ready(chunking, { experience });
    deliver(talk, '554 no');
    expect(experience.facts).toEqual({ window: 1, cleanRun: 0 });
    talk.submit({}, 'x');
    talk.server('250 ok', '550 5.1.1 no such user');
    expect(experience.facts.cleanRun).toBe(0);
  });

  it('SMTP-39 is one again, for every session with the host, after 421 or a lost connection with a message in flight', () => {
    const ends: ((talk: Talk) => void)[] = [
      (talk) => talk.server('250 ok', '421 4.3.2 closing'),
      (talk) => talk.end(),
      (talk) => talk.server('250 ok', 'nonsense'),
      (talk) => talk.wait(300_001),
    ];
    for (const end of ends) {
      const experience = new HostExperience({ window: 16 });
      const [talk, other] = [Talk.ready(chunking, { experience }), Talk.ready(chunking, { experience })];
      talk.submit({}, 'x');
      end(talk);
      expect(experience.facts).toMatchObject({ window: 1, cleanRun: 0 });
      for (let count = 0; count < 3; count++) other.submit({}, 'x');
      expect(other.said().match(/MAIL/g)).toHaveLength(1);
    }
  });

  it('SMTP-39 an idle end, our own abort and QUIT take nothing away', () => {
    const experience = new HostExperience({ window: 8 });
    for (const end of ['421 4.4.2 idle', undefined]) {
      const talk = Talk.ready(chunking, { experience });
      deliver(talk);
      if (end) talk.server(end);
      else talk.end();
    }
    expect(experience.window).toBe(8);
  });

  it('SMTP-37 a refusal makes it one in this session, until 16 messages in a row are clean', () => {
    const experience = new HostExperience({ window: 16 });
    const talk = Talk.ready(chunking, { experience });
    const other = Talk.ready(chunking, { experience });
    const inFlight = (where: Talk): number => {
      for (let count = 0; count < 16; count++) where.submit({}, 'x\r\n');
      const mails = where.said().match(/MAIL/g)!.length;
      return mails;
    };
    deliver(talk, '554 no');
    expect(inFlight(other)).toBe(16);
    for (let answered = 0; answered < 16; answered++) deliver(talk);
    expect(experience.window).toBe(16);
    expect(inFlight(talk)).toBe(2);
  });

  it('SMTP-37 a session with many refusals does not run ahead again', () => {
    const talk = Talk.ready(chunking);
    for (let refused = 0; refused < 5; refused++) deliver(talk, '554 no');
    for (let answered = 0; answered < 40; answered++) deliver(talk);
    for (let count = 0; count < 3; count++) talk.submit({}, 'x');
    expect(talk.said().match(/MAIL/g)).toHaveLength(1);
  });

  it('SMTP-37 SMTP-76 nothing follows a message at a place where a session has ended before', () => {
    const experience = new HostExperience({ window: 4, endedAfter: 6 });
    const far = Talk.ready(chunking, { experience });
    for (let count = 0; count < 3; count++) far.submit({}, 'x');
    expect(far.said().match(/MAIL/g)).toHaveLength(3);
    const near = Talk.ready(chunking, { experience });
    for (let answered = 0; answered < 5; answered++) deliver(near);
    for (let count = 0; count < 3; count++) near.submit({}, 'x\r\n');
    for (const place of [6, 7]) {
      expect(near.said().match(/MAIL/g), `message ${place}`).toHaveLength(1);
      near.server('250 ok');
      near.server('250 ok');
      near.said();
      near.server('250 queued');
    }
    expect(experience.facts.endedAfter).toBeUndefined();
  });

  it('SMTP-84 grows no further than the limit of the caller', () => {
    const talk = Talk.ready(chunking, { limits: { chunkingWindow: 2 } });
    for (let count = 0; count < 5; count++) talk.submit({}, 'x');
    expect(talk.said().match(/MAIL/g)).toHaveLength(2);
  });
});

describe('what is learnt', () => {
  it('SESS-07 the number of messages of a session, from LIMITS', () => {
    const experience = new HostExperience();
    Talk.ready(['PIPELINING', 'LIMITS MAILMAX=20 RCPTMAX=50'], { experience });
    expect(experience.facts).toMatchObject({ messagesPerSession: 20, recipientsPerTransaction: 50 });
  });

  it('SESS-23 the number of messages of a session, from the text of a 421', () => {
    for (const text of [
      '421 4.7.0 too many messages in this connection',
      '421 Too many messages in this session',
      '421 4.5.0 Message limit per connection reached',
      '421 maximum number of messages per session exceeded',
    ]) {
      const experience = new HostExperience();
      const talk = Talk.ready(['PIPELINING'], { experience });
      for (let sent = 0; sent < 3; sent++) deliver(talk);
      const id = talk.submit({}, 'x');
      talk.server(text);
      expect(talk.notAttempted(id), text).toBe('MB_SMTP_CONNECTION_STALE');
      expect(experience.facts.messagesPerSession, text).toBe(3);
      const next = Talk.ready(['PIPELINING'], { experience });
      expect(next.session.mailsLeft).toBe(3);
      for (let sent = 0; sent < 3; sent++) deliver(next);
      expect(next.notAttempted(next.submit({}, 'x'))).toBe('MB_SMTP_MAIL_LIMIT');
    }
  });

  it.each([
    ['one at a time', 1],
    ['in a window', 16],
  ])(
    'SESS-10 SESS-41 SESS-28 after a 4yz to MAIL about the messages of this session it is full, %s',
    (_, window) => {
      for (const text of [
        '452 4.5.3 Too many recipients: Too many messages sent',
        '451 MI:DMC, too many mails in this connection',
        '450 4.7.1 You have sent the maximum of messages for this session',
      ]) {
        const experience = new HostExperience({ window });
        const talk = Talk.ready(['PIPELINING'], { experience });
        for (let sent = 0; sent < 3; sent++) deliver(talk);
        const ids = [talk.submit({}, 'x'), talk.submit({}, 'x')];
        const commands = talk.said().match(/^(?:MAIL|RCPT|DATA)/gm)!;
        for (const command of commands) talk.server(command === 'MAIL' ? text : '503 5.5.1 what?');
        for (const id of ids) expect(talk.notAttempted(id), text).toBe('MB_SMTP_MAIL_LIMIT');
        expect(experience.facts, text).toMatchObject({ messagesPerSession: 3, window });
        expect(talk.session.mailsLeft).toBeLessThanOrEqual(0);
      }
    },
  );

  it('SESS-10 nothing of that from such a reply to the first message, nor from one that asks for less', () => {
    for (const [sent, text] of [
      [0, '452 4.5.3 Too many messages sent'],
      [2, '451 4.7.0 Too many messages, slow down'],
      [2, '452 4.3.1 Insufficient system storage'],
    ] as const) {
      const experience = new HostExperience();
      const talk = Talk.ready([], { experience });
      for (let count = 0; count < sent; count++) deliver(talk);
      const id = talk.submit({}, 'x');
      talk.server(text);
      expect(talk.summary(id), text).toEqual([`deferred ${text.slice(0, 3)} @mail`]);
      expect(experience.facts.messagesPerSession, text).toBeUndefined();
    }
  });

  it('SESS-24 the number of messages of a session, from hang-ups at the same place twice', () => {
    const experience = new HostExperience();
    for (const expected of [undefined, 4]) {
      const talk = Talk.ready(['PIPELINING'], { experience });
      for (let sent = 0; sent < 4; sent++) deliver(talk);
      const id = talk.submit({}, 'x');
      talk.end();
      expect(talk.notAttempted(id)).toBe('MB_SMTP_CONNECTION_STALE');
      expect(experience.facts.messagesPerSession).toBe(expected);
    }
  });

  it('SESS-24 nothing of that from an end in the middle of a message', () => {
    const experience = new HostExperience();
    for (let round = 0; round < 2; round++) {
      const talk = Talk.ready(['PIPELINING'], { experience });
      deliver(talk);
      talk.submit({}, 'x');
      talk.server('250 ok', '421 4.7.0 too many errors');
    }
    expect(experience.facts).toEqual({ window: 1, cleanRun: 0 });
  });

  it('SMTP-34 DATA is used once BDAT was offered and is not known, in the same session and later', () => {
    for (const [code, window] of [
      [500, 1],
      [502, 1],
      [503, 1],
      [502, 16],
    ]) {
      const experience = new HostExperience({ window: window! });
      const talk = Talk.ready(chunking, { experience });
      const id = talk.submit({}, 'x\r\n');
      talk.server('250 ok', '250 ok');
      expect(talk.said()).toContain('BDAT 3 LAST');
      talk.server(`${code} what is BDAT`);
      expect(talk.said()).toBe('RSET\r\n');
      for (const answer of ['250 reset', '250 ok', '250 ok', '354 go']) talk.server(answer);
      expect(talk.said()).toMatch(/^MAIL[^\n]*\nRCPT[^\n]*\nDATA\r\nx\r\n\.\r\n$/);
      talk.server('250 queued');
      expect(talk.statuses(id)).toEqual(['delivered']);
      expect(experience.facts.refusesChunking).toBe(true);
      const next = Talk.ready(chunking, { experience });
      next.submit({}, 'x\r\n');
      expect(next.said()).toContain('DATA\r\n');
    }
  });

  it('SMTP-34 a recipient that was split off before BDAT was refused is offered once more, not twice', () => {
    const talk = Talk.ready(chunking, { experience: new HostExperience() });
    const id = talk.submit({ to: ['a@example.com', 'b@example.com', 'c@example.com'] }, 'x\r\n');
    talk.server('250 ok', '250 ok', '250 ok', '452 4.5.3 too many');
    expect(talk.said()).toContain('BDAT 3 LAST');
    talk.server('502 what is BDAT');
    let said = '';
    for (const answers of [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) {
      const now = talk.said();
      said += now;
      if (now === '') break;
      for (let n = 0; n < answers; n++) talk.server(now === 'DATA\r\n' ? '354 go' : '250 ok');
    }
    expect(said.match(/RCPT TO:<\w/g)).toEqual(['RCPT TO:<a', 'RCPT TO:<b', 'RCPT TO:<c']);
    expect(talk.statuses(id)).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('SMTP-34 a session that lost count of the replies to BDAT is ended, with a certain outcome', () => {
    const talk = Talk.ready(chunking, { experience: new HostExperience() });
    const id = talk.submit({}, 'Subject: x\r\n\r\nx\r\n');
    talk.server('250 ok', '250 ok');
    // The server takes the lines of the content for commands.
    talk.server('500 what is BDAT', '500 what is Subject', '500 what', '500 what');
    expect(talk.statuses(id)).toEqual(['deferred']);
    expect(talk.closed).toBeDefined();
  });

  it('SMTP-34 503 to BDAT without an accepted recipient shows nothing about BDAT', () => {
    const experience = new HostExperience({ window: 16 });
    const talk = Talk.ready(chunking, { experience });
    const id = talk.submit({}, 'x\r\n');
    talk.server('250 ok', '550 5.1.1 no such user', '503 no recipients');
    expect(talk.summary(id)).toEqual(['failed 550 @rcpt']);
    expect(experience.refusesChunking).toBe(false);
  });

  it('SESS-38 forgotten limits are found out again: by the next 421, or not at all', () => {
    const full = '421 4.7.0 too many messages in this connection';
    const learnt = {
      window: 16,
      messagesPerSession: 2,
      recipientsPerTransaction: 3,
      refusesChunking: true,
    } as const;
    const same = new HostExperience(learnt);
    same.forgetLimits();
    expect(same.facts).toEqual({ window: 16, cleanRun: 0, endedAfter: 2 });
    const talk = Talk.ready(['PIPELINING'], { experience: same });
    for (let count = 0; count < 2; count++) deliver(talk);
    const third = talk.submit({}, 'x');
    talk.server(full);
    expect(talk.notAttempted(third)).toBe('MB_SMTP_CONNECTION_STALE');
    expect(same.facts).toMatchObject({ messagesPerSession: 2 });

    const other = new HostExperience(learnt);
    other.forgetLimits();
    const changed = Talk.ready(['PIPELINING'], { experience: other });
    for (let count = 0; count < 4; count++) deliver(changed);
    expect(other.facts).not.toHaveProperty('messagesPerSession');
    expect(other.facts).not.toHaveProperty('endedAfter');
  });

  it('SESS-38 a forgotten window is earned again', () => {
    const experience = new HostExperience({ window: 16, messagesPerSession: 7 });
    experience.forgetWindow();
    expect(experience.facts).toEqual({ window: 1, cleanRun: 0, messagesPerSession: 7 });
  });

  it('SESS-39 after 10 refusals in a row a session takes no further message, whatever they were about', () => {
    const talk = Talk.ready(chunking, { experience: new HostExperience() });
    for (let refusals = 0; refusals < 9; refusals++) refuse(talk);
    talk.submit({}, 'x\r\n');
    // RSET ends what the last refusal left open.
    talk.server('250 ok', '250 ok', '250 ok');
    talk.server('250 queued');
    talk.said();
    for (let refusals = 0; refusals < 10; refusals++) refuse(talk);
    expect(talk.notAttempted(talk.submit({}, 'x'))).toBe('MB_SMTP_MAIL_LIMIT');
    expect(talk.session.experience.facts).not.toHaveProperty('messagesPerSession');
    expect(talk.closed).toBeUndefined();
  });

  it('SESS-39 a refusal of DATA behind that of its recipient counts as well', () => {
    const talk = Talk.ready(['PIPELINING']);
    for (let message = 0; message < 5; message++) refuse(talk);
    expect(talk.notAttempted(talk.submit({}, 'x'))).toBe('MB_SMTP_MAIL_LIMIT');
  });

  it('SESS-39 the number can be set', () => {
    const talk = Talk.ready(['PIPELINING'], { limits: { refusalsInRow: 2 } });
    deliver(talk, '554 no');
    deliver(talk, '554 no');
    expect(talk.notAttempted(talk.submit({}, 'x'))).toBe('MB_SMTP_MAIL_LIMIT');
  });

  it('SESS-25 facts survive a way through JSON, and others are refused', () => {
    const facts = { window: 4, cleanRun: 3, messagesPerSession: 20, refusesChunking: true } as const;
    const { facts: again } = new HostExperience(JSON.parse(JSON.stringify(new HostExperience(facts).facts)));
    expect(again).toEqual(facts);
    expect(new HostExperience({ window: 99 }).window).toBe(16);
    for (const wrong of [
      { window: 0 },
      { windows: 1 },
      { cleanRun: -1 },
      { endedAfter: 1.5 },
      null,
      [],
      'x',
    ]) {
      expect(() => new HostExperience(wrong as never)).toThrow(
        expect.objectContaining({ code: 'MB_SMTP_OPTION' }),
      );
    }
  });
});
