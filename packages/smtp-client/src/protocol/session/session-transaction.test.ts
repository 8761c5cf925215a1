import { describe, expect, it } from 'vitest';
import { Talk } from '../../../test/talk.ts';
import { SmtpError } from '../../errors.ts';

const three = ['a@example.com', 'b@example.com', 'c@example.com'];
const lockstep = ['8BITMIME'];
const stopped = new SmtpError('stop', {
  code: 'MB_SMTP_ABORTED',
  kind: 'aborted',
  scope: 'message',
  stage: 'content',
  retryable: true,
});

describe('one transaction', () => {
  it('SMTP-29 writes MAIL, RCPT and DATA at once where PIPELINING is offered', () => {
    const talk = Talk.ready();
    const id = talk.submit({ to: three }, 'hi\r\n');
    expect(talk.writes.at(-1)).toBe(
      'MAIL FROM:<a@example.org> SIZE=4\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n',
    );
    talk.said();
    talk.server('250 ok', '250 ok', '250 ok', '250 ok', '354 go');
    expect(talk.said()).toBe('hi\r\n.\r\n');
    talk.server('250 2.0.0 queued');
    expect(talk.summary(id)).toEqual([
      'delivered 250 @final',
      'delivered 250 @final',
      'delivered 250 @final',
    ]);
  });

  it('SMTP-29 writes command by command where it is not offered, or not wanted', () => {
    for (const talk of [Talk.ready(lockstep), Talk.ready(undefined, { pipelining: 'off' })]) {
      const id = talk.submit({ to: three.slice(0, 2) }, 'hi\r\n');
      for (const [verb, answer] of [
        ['MAIL', '250 ok'],
        ['RCPT', '250 ok'],
        ['RCPT', '250 ok'],
        ['DATA', '354 go'],
        ['hi', '250 ok'],
      ] as const) {
        expect(talk.said()).toMatch(new RegExp(`^${verb}[^\\n]*\\n(\\.\\r\\n)?$`));
        talk.server(answer);
      }
      expect(talk.statuses(id)).toEqual(['delivered', 'delivered']);
    }
  });

  it('SMTP-41 passes 10,000 recipients and matches their replies in order', () => {
    const talk = Talk.ready();
    const to = Array.from({ length: 10_000 }, (_, at) => `u${at}@example.com`);
    const id = talk.submit({ to }, 'hi\r\n');
    expect(talk.said().match(/RCPT TO/g)).toHaveLength(10_000);
    talk.server('250 ok', ...to.map((_, at) => (at % 2 === 0 ? '250 ok' : '550 5.1.1 no')), '354 go');
    talk.server('250 ok');
    expect(talk.statuses(id)).toEqual(to.map((_, at) => (at % 2 === 0 ? 'delivered' : 'failed')));
  });

  it.each([250, 251, 252])('SMTP-07 takes %i to RCPT as acceptance', (code) => {
    const talk = Talk.ready();
    const id = talk.submit({}, 'x');
    talk.server('250 ok', `${code} fine`, '354 go');
    talk.server('250 ok');
    expect(talk.statuses(id)).toEqual(['delivered']);
  });

  for (const keywords of [['PIPELINING'], lockstep, ['PIPELINING', 'CHUNKING']]) {
    it(`SMTP-08 delivers to the others when one RCPT is refused (${keywords})`, () => {
      const talk = Talk.ready(keywords);
      const id = talk.submit({ to: three }, 'x');
      talk.server('250 ok');
      talk.server('550 5.1.1 no such user');
      talk.server('451 4.3.0 later');
      talk.server('250 ok');
      if (!keywords.includes('CHUNKING')) talk.server('354 go');
      talk.server('250 ok');
      expect(talk.summary(id)).toEqual(['failed 550 @rcpt', 'deferred 451 @rcpt', 'delivered 250 @final']);
      expect(talk.results(id)![0]).toMatchObject({
        error: { code: 'MB_SMTP_RECIPIENT_REFUSED', scope: 'recipient', retryable: false },
      });
      expect(talk.results(id)![1]).toMatchObject({
        error: { retryable: true },
        reply: { enhanced: '4.3.0' },
      });
    });

    it(`SMTP-10 5yz to MAIL applies to every recipient (${keywords})`, () => {
      const talk = Talk.ready(keywords);
      const id = talk.submit({ to: three }, 'x');
      talk.server('550 5.7.1 not you');
      expect(talk.summary(id)).toEqual(Array(3).fill('failed 550 @mail'));
    });

    it(`SMTP-10 a refusal of the content applies to the undecided only (${keywords})`, () => {
      const talk = Talk.ready(keywords);
      const id = talk.submit({ to: three }, 'x');
      for (const answer of ['250 ok', '250 ok', '450 later', '250 ok']) talk.server(answer);
      if (!keywords.includes('CHUNKING')) talk.server('354 go');
      talk.server('554 5.6.0 bad message');
      expect(talk.summary(id)).toEqual(['failed 554 @final', 'deferred 450 @rcpt', 'failed 554 @final']);
    });
  }

  it('SMTP-10 a refusal of DATA applies to the undecided only, and RSET clears the way for the next message', () => {
    const talk = Talk.ready();
    const id = talk.submit({ to: three }, 'x');
    talk.server('250 ok', '550 no', '250 ok', '250 ok', '451 4.3.1 full');
    expect(talk.summary(id)).toEqual(['failed 550 @rcpt', 'deferred 451 @data', 'deferred 451 @data']);
    talk.said();
    const next = talk.submit({}, 'y');
    expect(talk.said()).toMatch(/^RSET\r\nMAIL/);
    talk.server('250 ok', '250 ok', '250 ok', '354 go');
    talk.server('250 ok');
    expect(talk.statuses(next)).toEqual(['delivered']);
  });

  it('SESS-15 RSET precedes a second message only where the first left a transaction open', () => {
    const talk = Talk.ready();
    talk.submit({}, 'x');
    expect(talk.said()).not.toContain('RSET');
    talk.server('250 ok', '250 ok', '354 go');
    talk.server('250 ok');
    talk.submit({}, 'y');
    expect(talk.said()).not.toContain('RSET');
    talk.server('250 ok', '550 no', '554 no valid recipients');
    talk.submit({}, 'z');
    expect(talk.said()).toMatch(/^RSET\r\nMAIL/);
  });

  it('SMTP-23 answers 354 without accepted recipients with a lone dot', () => {
    const talk = Talk.ready();
    const id = talk.submit({}, 'secret\r\n');
    talk.said();
    talk.server('250 ok', '550 no', '354 go');
    expect(talk.said()).toBe('.\r\n');
    expect(talk.summary(id)).toEqual(['failed 550 @rcpt']);
  });

  it('SMTP-81 ignores the reply to that dot', () => {
    const talk = Talk.ready();
    const id = talk.submit({}, 'secret\r\n');
    talk.server('250 ok', '550 no', '354 go');
    talk.said();
    talk.server('250 queued as nothing');
    expect(talk.summary(id)).toEqual(['failed 550 @rcpt']);
    const next = talk.submit({}, 'y\r\n');
    expect(talk.said()).toMatch(/^MAIL/);
    talk.server('250 ok', '250 ok', '354 go');
    talk.server('250 ok');
    expect(talk.statuses(next)).toEqual(['delivered']);
  });

  it('SMTP-63 closes when a dot might deliver an empty message', () => {
    const talk = Talk.ready();
    const id = talk.submit({}, 'x');
    talk.said();
    talk.server('550 no', '250 ok', '354 go');
    expect(talk.said()).toBe('');
    expect(talk.closed?.error?.code).toBe('MB_SMTP_REPLY_UNEXPECTED');
    expect(talk.summary(id)).toEqual(['failed 550 @mail']);
  });

  it('SMTP-58 sends no content when no recipient is accepted', () => {
    for (const keywords of [['PIPELINING'], lockstep]) {
      const talk = Talk.ready(keywords);
      const id = talk.submit({ to: three.slice(0, 2) }, 'secret\r\n');
      for (const answer of ['250 ok', '550 no', '550 no']) talk.server(answer);
      if (keywords[0] === 'PIPELINING') talk.server('503 no recipients');
      expect(talk.summary(id)).toEqual(['failed 550 @rcpt', 'failed 550 @rcpt']);
      expect(talk.said()).not.toContain('secret');
      expect(talk.closed).toBeUndefined();
    }
  });

  it.each([
    ['mail', '354 what', ['354 what']],
    ['rcpt', '354 what', ['250 ok', '354 what']],
    ['data', '250 what', ['250 ok', '250 ok', '250 what']],
    ['final', '354 what', ['250 ok', '250 ok', '354 go', '354 what']],
    ['mail', '503 bad sequence', ['503 bad sequence']],
    ['rcpt', '503 bad sequence', ['250 ok', '503 bad sequence']],
    ['data', '503 bad sequence', ['250 ok', '250 ok', '503 bad sequence']],
    ['final', '503 bad sequence', ['250 ok', '250 ok', '354 go', '503 bad sequence']],
  ])('SMTP-11 SMTP-75 at %s a misplaced %s is temporary and drops the session', (_, __, answers) => {
    const talk = Talk.ready();
    const id = talk.submit({}, 'x');
    for (const answer of answers) talk.server(answer);
    expect(talk.statuses(id)).toEqual(['deferred']);
    expect(talk.closed?.error).toMatchObject({ code: 'MB_SMTP_REPLY_UNEXPECTED', kind: 'peer-misbehaved' });
  });

  it('SMTP-11 SMTP-75 a reply that nothing asked for drops the session', () => {
    const talk = Talk.ready();
    talk.server('250 hello?');
    expect(talk.closed?.error?.code).toBe('MB_SMTP_REPLY_UNEXPECTED');
  });
});

describe('421', () => {
  const before = ['250 ok', '550 5.1.1 no', '250 ok', '250 ok', '354 go'];
  for (let at = 0; at <= before.length; at++) {
    it(`SMTP-05 SMTP-78 after ${at} replies defers the undecided and leaves the refused`, () => {
      const talk = Talk.ready();
      const id = talk.submit({ to: three }, 'x');
      talk.server(...before.slice(0, at), '421 4.3.2 closing');
      talk.end();
      expect(talk.statuses(id)).toEqual(
        at >= 2 ? ['failed', 'deferred', 'deferred'] : ['deferred', 'deferred', 'deferred'],
      );
      const result = talk.results(id)![2]!;
      expect(result).toMatchObject({
        reply: { code: 421 },
        error: { code: 'MB_SMTP_SERVICE_CLOSING', retryable: true },
      });
    });
  }

  it('SMTP-05 SMTP-78 SMTP-12 a 421 in the middle of the content ends it', () => {
    const talk = Talk.ready();
    const id = talk.submit();
    talk.server('250 ok', '250 ok', '354 go');
    talk.session.provideContent(id, new Uint8Array(10), talk.now);
    talk.pump();
    talk.server('421 4.3.2 closing');
    expect(talk.summary(id)).toEqual(['deferred 421 @content']);
  });
});

describe('too many recipients', () => {
  for (const reply of [
    '452 4.5.3 too many',
    '452 too many',
    '552 too many',
    '550 5.5.3 too many',
    '451 4.5.3 too many',
  ]) {
    it(`SMTP-09 ${reply} to a later RCPT opens a new transaction for the rest at once`, () => {
      const talk = Talk.ready();
      const id = talk.submit({ to: three }, 'x');
      talk.said();
      talk.server('250 ok', '250 ok', reply, reply, '354 go');
      expect(talk.said()).toContain('RCPT TO:<b@example.com>');
      expect(talk.results(id)).toBeUndefined();
      talk.server('250 ok');
      expect(talk.results(id)).toBeUndefined();
      // It has learnt that one at a time is what this server takes.
      expect(talk.said()).not.toContain('c@example.com');
      talk.server('250 ok', '250 ok', '354 go');
      talk.server('250 ok', '250 ok', '250 ok', '354 go');
      talk.server('250 ok');
      expect(talk.statuses(id)).toEqual(['delivered', 'delivered', 'delivered']);
    });

    it(`SMTP-45 ${reply} to the first RCPT is an ordinary refusal`, () => {
      const talk = Talk.ready();
      const id = talk.submit({ to: three.slice(0, 1) }, 'x');
      talk.server('250 ok', reply, '554 none');
      expect(talk.statuses(id)).toEqual([reply.startsWith('4') ? 'deferred' : 'failed']);
    });
  }

  it('SMTP-46 a status about the mailbox is about the recipient', () => {
    const talk = Talk.ready();
    const id = talk.submit({ to: three.slice(0, 2) }, 'x');
    talk.server('250 ok', '250 ok', '452 4.2.2 mailbox full', '354 go');
    talk.server('250 ok');
    expect(talk.summary(id)).toEqual(['delivered 250 @final', 'deferred 452 @rcpt']);
  });

  it('SMTP-09 works in lockstep, and ends when the server never takes more than the first', () => {
    const talk = Talk.ready(lockstep);
    const id = talk.submit({ to: three }, 'x');
    for (let round = 0; round < 20 && !talk.results(id); round++) {
      const said = talk.said();

      if (said.startsWith('RCPT TO:<a@')) talk.server('452 4.5.3 too many');
      else if (said.startsWith('RCPT')) talk.server(said.includes('b@') ? '250 ok' : '452 4.5.3 too many');
      else if (said.startsWith('DATA')) talk.server('354 go');
      else talk.server('250 ok');
    }
    expect(talk.summary(id)).toEqual(['deferred 452 @rcpt', 'delivered 250 @final', 'deferred 452 @rcpt']);
  });

  it('SMTP-09 gets 5,000 recipients through a server that takes one at a time', () => {
    const talk = Talk.ready();
    const to = Array.from({ length: 5000 }, (_, at) => `u${at}@example.com`);
    const id = talk.submit({ to }, 'x');
    talk.server('250 ok', '250 ok', ...to.slice(1).map(() => '452 4.5.3 too many'), '354 go');
    for (let at = 1; at < to.length; at++) talk.server('250 taken', '250 ok', '250 ok', '354 go');
    talk.server('250 taken');
    expect(new Set(talk.statuses(id))).toEqual(new Set(['delivered']));
  });

  it('SMTP-70 remembers how many recipients the server took, for later messages', () => {
    const talk = Talk.ready();
    const first = talk.submit({ to: three }, 'x');
    talk.said();
    talk.server('250 ok', '250 ok', '250 ok', '452 4.5.3 too many', '354 go');
    talk.server('250 taken', '250 ok', '250 ok', '354 go');
    talk.server('250 taken');
    expect(talk.statuses(first)).toEqual(['delivered', 'delivered', 'delivered']);
    talk.said();
    talk.submit({ to: three }, 'y');
    expect(talk.said().match(/^RCPT/gm)).toHaveLength(2);
  });

  it('SMTP-59 keeps to what LIMITS says (RFC 9422)', () => {
    const talk = Talk.ready(['PIPELINING', 'LIMITS RCPTMAX=2 MAILMAX=2']);
    const id = talk.submit({ to: [...three, 'd@example.com', 'e@example.com'] }, 'x');
    expect(talk.said().match(/RCPT/g)).toHaveLength(2);
    talk.server('250 ok', '250 ok', '250 ok', '354 go');
    expect(talk.said().match(/RCPT/g)).toHaveLength(2);
    talk.server('250 ok', '250 ok', '250 ok', '250 ok', '354 go');
    talk.server('250 ok');
    expect(talk.statuses(id)).toEqual(['delivered', 'delivered', 'delivered', 'delivered', 'deferred']);
    expect(talk.results(id)![4]).toMatchObject({ error: { code: 'MB_SMTP_MAIL_LIMIT', scope: 'session' } });
    expect(talk.notAttempted(talk.submit({}, 'y'))).toBe('MB_SMTP_MAIL_LIMIT');
  });

  it('SMTP-59 keeps domains apart where LIMITS RCPTDOMAINMAX asks for it', () => {
    const talk = Talk.ready(['PIPELINING', 'LIMITS RCPTDOMAINMAX=1']);
    talk.submit({ to: ['a@example.com', 'b@example.net', 'c@EXAMPLE.com'] }, 'x');
    expect(talk.said().match(/RCPT TO:<.@[^>]*/g)).toEqual([
      'RCPT TO:<a@example.com',
      'RCPT TO:<c@EXAMPLE.com',
    ]);
  });
});

describe('the end of data', () => {
  const toTheDot = () => {
    const talk = Talk.ready();
    const id = talk.submit({ to: ['a@example.com', 'b@example.com'] }, 'x');
    talk.server('250 ok', '250 ok', '550 no', '354 go');
    return { talk, id };
  };

  it('SMTP-24 a connection lost after the dot is unknown', () => {
    const { talk, id } = toTheDot();
    talk.end();
    expect(talk.summary(id)).toEqual(['unknown @final', 'failed 550 @rcpt']);
    expect(talk.results(id)![0]).toMatchObject({
      error: { code: 'MB_SMTP_OUTCOME_UNKNOWN', cause: { code: 'MB_SMTP_CONNECTION_LOST' } },
    });
  });

  it('SMTP-24 a timeout after the dot is unknown', () => {
    const { talk, id } = toTheDot();
    talk.wait(600_000);
    expect(talk.summary(id)).toEqual(['unknown @final', 'failed 550 @rcpt']);
  });

  it('SMTP-24 garbage after the dot is unknown', () => {
    const { talk, id } = toTheDot();
    talk.server('what?');
    expect(talk.summary(id)).toEqual(['unknown @final', 'failed 550 @rcpt']);
  });

  it('SMTP-47 a connection lost before the dot was not accepted', () => {
    const talk = Talk.ready();
    const id = talk.submit();
    talk.server('250 ok', '250 ok', '354 go');
    talk.session.provideContent(id, Buffer.from('almost everything'), talk.now);
    talk.pump();
    talk.end();
    expect(talk.summary(id)).toEqual(['deferred @content']);
  });

  it('SMTP-48 what was accepted stays so, whatever follows', () => {
    for (const after of [
      (talk: Talk) => talk.end(),
      (talk: Talk) => talk.server('421 bye'),
      (talk: Talk) => talk.raw('garbage\r\n'),
    ]) {
      const { talk, id } = toTheDot();
      talk.server('250 ok');
      after(talk);
      expect(talk.statuses(id)).toEqual(['delivered', 'failed']);
    }
  });

  it('SMTP-12 a 5yz that was in the pipe before the end is still reported', () => {
    const talk = Talk.ready();
    const id = talk.submit({ to: three }, 'x');
    talk.raw('250 ok\r\n550 5.7.1 you are blocked\r\n');
    talk.end();
    expect(talk.summary(id)).toEqual(['failed 550 @rcpt', 'deferred @rcpt', 'deferred @rcpt']);
  });

  it('SMTP-12 SMTP-62 a refusal in the middle of the content counts, and the session is closed without a dot', () => {
    const talk = Talk.ready();
    const id = talk.submit();
    talk.server('250 ok', '250 ok', '354 go');
    talk.said();
    talk.session.provideContent(id, Buffer.from('part'), talk.now);
    talk.pump();
    talk.server('552 5.3.4 too big');
    expect(talk.summary(id)).toEqual(['failed 552 @content']);
    expect(talk.closed).toBeDefined();
    expect(talk.said()).toBe('part');
  });

  it('SMTP-62 abandoned content ends with the connection, never with a dot', () => {
    const talk = Talk.ready();
    const id = talk.submit();
    talk.server('250 ok', '250 ok', '354 go');
    talk.session.provideContent(id, Buffer.from('part'), talk.now);
    talk.pump();
    talk.said();
    talk.session.cancel(id, stopped, talk.now);
    talk.pump();
    expect(talk.said()).toBe('');
    expect(talk.statuses(id)).toEqual(['deferred']);
    expect(talk.closed).toBeDefined();
  });
});

describe('stale connections', () => {
  function used(): Talk {
    const talk = Talk.ready();
    talk.submit({}, 'x');
    talk.server('250 ok', '250 ok', '354 go');
    talk.server('250 ok');
    return talk;
  }

  it('SESS-03 an end before any answer on a reused connection is not an attempt', () => {
    for (const close of [(talk: Talk) => talk.end(), (talk: Talk) => talk.server('421 idle too long')]) {
      const talk = used();
      const id = talk.submit({}, 'y');
      close(talk);
      expect(talk.notAttempted(id)).toBe('MB_SMTP_CONNECTION_STALE');
      expect(talk.results(id)).toBeUndefined();
    }
  });

  it('SESS-03 on a fresh connection it is one, and so it is after an answer', () => {
    const fresh = Talk.ready();
    const first = fresh.submit({}, 'y');
    fresh.end();
    expect(fresh.summary(first)).toEqual(['deferred @mail']);
    const talk = used();
    const id = talk.submit({}, 'y');
    talk.server('250 ok');
    talk.end();
    expect(talk.summary(id)).toEqual(['deferred @rcpt']);
  });

  it('SESS-03 content is not sent blindly on a connection that lay idle', () => {
    const talk = Talk.ready(['PIPELINING', 'CHUNKING']);
    talk.submit({}, 'x\r\n');
    expect(talk.said()).toContain('BDAT 3 LAST');
    talk.server('250 ok', '250 ok', '250 ok');
    talk.now += 60_000;
    const id = talk.submit({}, 'y\r\n');
    expect(talk.said()).not.toContain('BDAT');
    talk.end();
    expect(talk.notAttempted(id)).toBe('MB_SMTP_CONNECTION_STALE');
  });
});
