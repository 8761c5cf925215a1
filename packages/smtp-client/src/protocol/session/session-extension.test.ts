import { describe, expect, it } from 'vitest';
import { Talk } from '../../../test/talk.ts';

const failure = (code: string, enhanced: string) => ({
  status: 'failed',
  stage: 'plan',
  error: { code, enhanced, scope: 'host', kind: 'peer-incompatible' },
});
const encoder = new TextEncoder();

describe('SIZE', () => {
  it('SMTP-25 declares the octets that are sent: CRLF counted, dots not', () => {
    const talk = Talk.ready(['SIZE 1000', 'PIPELINING']);
    talk.submit({}, '.a\n.b');
    expect(talk.said()).toContain('SIZE=8\r\n');
    talk.server('250 ok', '250 ok', '354 go');
    expect(talk.said()).toBe('..a\r\n..b\r\n.\r\n');
  });

  it('SMTP-25 takes the size of streamed content from the envelope', () => {
    const talk = Talk.ready(['SIZE', 'PIPELINING']);
    talk.submit({ size: 1234 });
    expect(talk.said()).toContain('SIZE=1234');
  });

  it('SMTP-43 does not offer a message over the limit, with an error about the host', () => {
    const talk = Talk.ready(['SIZE 100', 'PIPELINING']);
    expect(talk.results(talk.submit({}, 'x'.repeat(99)))).toMatchObject([
      failure('MB_SMTP_SIZE_EXCEEDED', '5.3.4'),
    ]);
    expect(talk.results(talk.submit({ size: 101 }))).toMatchObject([
      failure('MB_SMTP_SIZE_EXCEEDED', '5.3.4'),
    ]);
    expect(talk.said()).toBe('');
    talk.submit({}, 'x'.repeat(98));
    expect(talk.said()).toContain('SIZE=100\r\n');
  });

  it('SMTP-25 takes SIZE 0 as no limit and says nothing where SIZE is not offered', () => {
    const talk = Talk.ready(['SIZE 0', 'PIPELINING']);
    talk.submit({}, 'x'.repeat(5000));
    expect(talk.said()).toContain('SIZE=5002');
    const without = Talk.ready(['PIPELINING']);
    without.submit({}, 'x');
    expect(without.said()).toContain('MAIL FROM:<a@example.org>\r\n');
  });
});

describe('8BITMIME and BINARYMIME', () => {
  it('SMTP-26 BODY follows the content', () => {
    for (const [content, parameter] of [
      ['plain', '>\r\n'],
      ['grüß', '> BODY=8BITMIME\r\n'],
    ] as const) {
      const talk = Talk.ready(['8BITMIME']);
      talk.submit({}, content);
      expect(talk.said()).toBe(`MAIL FROM:<a@example.org${parameter}`);
    }
  });

  it('SMTP-49 refuses 8-bit content before MAIL where 8BITMIME is not offered', () => {
    const talk = Talk.ready(['PIPELINING']);
    expect(talk.results(talk.submit({}, 'grüß'))).toMatchObject([
      failure('MB_SMTP_8BITMIME_NOT_OFFERED', '5.6.3'),
    ]);
    expect(talk.results(talk.submit({ body: '8bitmime' }))).toMatchObject([
      failure('MB_SMTP_8BITMIME_NOT_OFFERED', '5.6.3'),
    ]);
    expect(talk.said()).toBe('');
  });

  it('SMTP-49 sends the 7-bit variant instead when the caller gave one', () => {
    const talk = Talk.ready(['PIPELINING']);
    talk.submit({}, 'grüß\r\n', 'gr=C3=BC=C3=9F\r\n');
    talk.server('250 ok', '250 ok', '354 go');
    expect(talk.said()).toContain('gr=C3=BC=C3=9F\r\n.\r\n');
    const offered = Talk.ready(['PIPELINING', '8BITMIME']);
    offered.submit({}, 'grüß\r\n', 'gr=C3=BC=C3=9F\r\n');
    expect(offered.said()).toContain('BODY=8BITMIME');
  });

  for (const keywords of [['PIPELINING'], ['PIPELINING', 'CHUNKING']]) {
    it(`SMTP-26 streamed content that turns out to be 8-bit is abandoned where it must not be (${keywords})`, () => {
      const talk = Talk.ready(keywords);
      const id = talk.submit();
      talk.server('250 ok', '250 ok');
      if (keywords.length === 1) talk.server('354 go');
      talk.said();
      talk.session.provideContent(id, encoder.encode('grüß'.repeat(20_000)), talk.now);
      talk.pump();
      expect(talk.results(id)).toMatchObject([failure('MB_SMTP_8BITMIME_NOT_OFFERED', '5.6.3')]);
      expect(talk.closed).toBeDefined();
      expect(talk.said()).not.toMatch(/\r\n\.\r\n|LAST/);
    });
  }

  it('SMTP-64 BINARYMIME goes by BDAT as it is, and only where both are offered', () => {
    const octets = Uint8Array.from([0, 13, 10, 46, 10, 13, 255, 46]);
    for (const keywords of [
      ['BINARYMIME', 'CHUNKING', 'PIPELINING'],
      ['BINARYMIME', 'CHUNKING', 'SIZE'],
    ]) {
      const talk = Talk.ready(keywords);
      const id = talk.submit({ body: 'binarymime' }, octets);
      for (let turn = 0; turn < 3; turn++) talk.server('250 ok');
      expect(talk.said()).toMatch(/BODY=BINARYMIME\r\n.*BDAT 8 LAST\r\n\0\r\n\.\n\r\xff\.$/s);
      expect(talk.statuses(id)).toEqual(['delivered']);
    }
    for (const keywords of [
      ['BINARYMIME', 'PIPELINING', '8BITMIME'],
      ['CHUNKING', '8BITMIME'],
    ]) {
      const talk = Talk.ready(keywords);
      const id = talk.submit({ body: 'binarymime' }, octets);
      expect(talk.results(id)).toMatchObject([failure('MB_SMTP_BINARYMIME_NOT_OFFERED', '5.6.3')]);
    }
  });
});

describe('SMTPUTF8', () => {
  const offered = ['PIPELINING', 'SMTPUTF8', '8BITMIME'];

  it('SMTP-85 says 5.6.7 also where 8BITMIME is lacking too', () => {
    for (const envelope of [{ smtputf8: true }, { from: 'ü@example.org' }]) {
      const talk = Talk.ready(['PIPELINING']);
      expect(talk.results(talk.submit(envelope, 'grüß'))).toMatchObject([
        { ...failure('MB_SMTP_SMTPUTF8_NOT_OFFERED', '5.6.7'), lacks: 'smtputf8' },
      ]);
    }
  });

  it('SMTP-50 says 5.6.7 of the recipients that need it, where 8BITMIME is lacking too', () => {
    const talk = Talk.ready(['PIPELINING']);
    expect(talk.results(talk.submit({ to: ['b@example.com', 'ü@example.com'] }, 'grüß'))).toMatchObject([
      { ...failure('MB_SMTP_8BITMIME_NOT_OFFERED', '5.6.3'), lacks: '8bitmime' },
      { ...failure('MB_SMTP_SMTPUTF8_NOT_OFFERED', '5.6.7'), lacks: 'smtputf8' },
    ]);
  });

  it('SMTP-26 is used only when needed', () => {
    const plain = Talk.ready(offered);
    plain.submit({}, 'x');
    expect(plain.said()).not.toContain('SMTPUTF8');
    for (const envelope of [
      { smtputf8: true },
      { from: 'ü@example.org' },
      { to: ['b@example.com', 'ü@example.com'] },
    ]) {
      const talk = Talk.ready(offered);
      talk.submit(envelope, 'x');
      expect(talk.said()).toMatch(/^MAIL FROM:<[^>]*> SMTPUTF8\r\n/);
    }
  });

  it('SMTP-26 writes addresses in UTF-8', () => {
    const talk = Talk.ready(offered);
    talk.submit({ to: ['ü@example.com'] }, 'x');
    expect(talk.said()).toContain('RCPT TO:<Ã¼@example.com>');
  });

  it('SMTP-50 without it, only those concerned fail with 5.6.7', () => {
    const talk = Talk.ready(['PIPELINING', 'SMTPUTF8']);
    const id = talk.submit({ to: ['b@example.com', 'ü@example.com'] }, 'x');
    expect(talk.said()).not.toMatch(/SMTPUTF8|Ã/);
    talk.server('250 ok', '250 ok', '354 go');
    talk.server('250 ok');
    expect(talk.results(id)).toMatchObject([
      { status: 'delivered' },
      failure('MB_SMTP_SMTPUTF8_NOT_OFFERED', '5.6.7'),
    ]);
  });

  it('SMTP-85 without it, a message whose sender or header needs it fails with 5.6.7', () => {
    for (const envelope of [{ smtputf8: true }, { from: 'ü@example.org' }]) {
      const talk = Talk.ready(['PIPELINING', 'SMTPUTF8']);
      expect(talk.results(talk.submit(envelope, 'x'))).toMatchObject([
        failure('MB_SMTP_SMTPUTF8_NOT_OFFERED', '5.6.7'),
      ]);
    }
  });
});

describe('DSN', () => {
  const envelope = {
    ret: 'full',
    envid: 'q+1',
    to: [{ address: 'b@example.com', notify: 'never', orcpt: 'c@example.com' }, 'd@example.com'],
  } as const;

  it('SMTP-28 is said per recipient where offered', () => {
    const talk = Talk.ready(['PIPELINING', 'DSN']);
    talk.submit(envelope, 'x');
    expect(talk.said()).toBe(
      'MAIL FROM:<a@example.org> RET=FULL ENVID=q+2B1\r\nRCPT TO:<b@example.com> NOTIFY=NEVER ORCPT=rfc822;c@example.com\r\nRCPT TO:<d@example.com>\r\nDATA\r\n',
    );
  });

  it('SMTP-28 is not said where it is not offered, whatever the server is called', () => {
    const talk = new Talk();
    talk.server('220 mx-dsn.example');
    talk.server('250-mx-dsn.example DSN', '250 PIPELINING');
    talk.said();
    talk.submit(envelope, 'x');
    expect(talk.said()).not.toMatch(/RET|NOTIFY|ORCPT/);
  });
});

describe('CHUNKING', () => {
  const chunking = ['PIPELINING', 'CHUNKING', 'SIZE', '8BITMIME'];

  it('SMTP-27 SMTP-61 sends a message in one group with BDAT LAST, without stuffing', () => {
    const talk = Talk.ready(chunking);
    const id = talk.submit({}, '.a\r\n..\r\n');
    expect(talk.said()).toBe(
      'MAIL FROM:<a@example.org> SIZE=8\r\nRCPT TO:<b@example.com>\r\nBDAT 8 LAST\r\n.a\r\n..\r\n',
    );
    talk.server('250 ok', '250 ok', '250 ok');
    expect(talk.statuses(id)).toEqual(['delivered']);
  });

  it('SMTP-27 is not used without PIPELINING or when switched off', () => {
    for (const talk of [Talk.ready(['CHUNKING']), Talk.ready(chunking, { chunking: false })]) {
      talk.submit({}, 'x');
      talk.server('250 ok');
      talk.server('250 ok');
      expect(talk.said()).toContain('DATA\r\n');
    }
  });

  it('SMTP-60 the end of data is exactly one CRLF.CRLF', () => {
    for (const content of ['', 'a', 'a\r\n', 'a\r\n.', 'a\r\n.\r\n', '.\r\n.\r\n', 'a\n.\n', '\r\n']) {
      const talk = Talk.ready(['PIPELINING']);
      talk.submit({}, content);
      talk.server('250 ok', '250 ok');
      talk.said();
      talk.server('354 go');
      const sent = talk.said();
      expect(sent.endsWith(content === '' ? '.\r\n' : '\r\n.\r\n'), JSON.stringify(content)).toBe(true);
      expect(`\r\n${sent}`.split('\r\n.\r\n'), JSON.stringify(content)).toHaveLength(2);
    }
  });

  it('SMTP-20 SMTP-21 converts line ends and counts the octets that result', () => {
    const talk = Talk.ready(chunking);
    talk.submit({}, 'a\n.\rb');
    expect(talk.said()).toMatch(/BDAT 9 LAST\r\na\r\n\.\r\nb\r\n$/);
  });

  it('SMTP-65 sends a large message only when a recipient is accepted', () => {
    const talk = Talk.ready(chunking);
    const large = 'x'.repeat(300_000);
    const refused = talk.submit({}, large);
    talk.server('250 ok', '550 no');
    expect(talk.said()).not.toContain('BDAT');
    expect(talk.statuses(refused)).toEqual(['failed']);
    const id = talk.submit({}, large);
    expect(talk.said()).toMatch(/^RSET\r\nMAIL[^\n]*\nRCPT[^\n]*\n$/);
    talk.server('250 ok', '250 ok', '250 ok');
    expect(talk.said()).toContain('BDAT 300002 LAST\r\n');
    talk.server('250 ok');
    expect(talk.statuses(id)).toEqual(['delivered']);
  });

  it('SMTP-27 streams chunks, the last one marked', () => {
    const talk = Talk.ready(chunking);
    const id = talk.submit();
    talk.server('250 ok', '250 ok');
    talk.said();
    talk.session.provideContent(id, encoder.encode(`${'x'.repeat(70_000)}\r`), talk.now);
    talk.pump();
    talk.session.provideContent(id, encoder.encode('\nend'), talk.now);
    talk.session.endContent(id, talk.now);
    talk.pump();
    const said = talk.said();
    expect(said).toMatch(/^BDAT 70002\r\nx+\r\nBDAT 5 LAST\r\nend\r\n$/);
    talk.server('250 got it', '250 queued');
    expect(talk.statuses(id)).toEqual(['delivered']);
  });

  it('SMTP-10 a refused chunk refuses the message, and the rest is not sent', () => {
    const talk = Talk.ready(chunking);
    const id = talk.submit();
    talk.server('250 ok', '250 ok');
    talk.session.provideContent(id, new Uint8Array(70_000), talk.now);
    talk.pump();
    talk.said();
    talk.server('552 5.3.4 too big');
    expect(talk.summary(id)).toEqual(['failed 552 @chunk']);
    expect(talk.closed).toBeUndefined();
    talk.submit({}, 'x');
    expect(talk.said()).toMatch(/^RSET\r\nMAIL/);
  });
});

describe('messages in flight', () => {
  it('SMTP-31 the end of one message and the envelope of the next leave together', () => {
    const talk = Talk.ready(['PIPELINING']);
    const ids = [talk.submit({}, 'one\r\n'), talk.submit({}, 'two\r\n'), talk.submit({}, 'three\r\n')];
    talk.server('250 ok', '250 ok', '354 go');
    expect(talk.writes.at(-1)).toBe(
      'one\r\n.\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n',
    );
    talk.server('250 one', '250 ok', '250 ok', '354 go');
    expect(talk.writes.at(-1)).toBe(
      'two\r\n.\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n',
    );
    talk.server('554 two', '250 ok', '250 ok', '354 go');
    talk.server('250 three');
    expect(ids.map((id) => talk.results(id)?.[0]?.reply?.lines[0])).toEqual(['one', 'two', 'three']);
    expect(ids.map((id) => talk.statuses(id)?.[0])).toEqual(['delivered', 'failed', 'delivered']);
  });

  it('SMTP-31 without PIPELINING, or when not wanted, one message waits for the other', () => {
    for (const talk of [
      Talk.ready(['8BITMIME']),
      Talk.ready(['PIPELINING'], { pipelining: 'within-message' }),
    ]) {
      talk.submit({}, 'one\r\n');
      talk.submit({}, 'two\r\n');
      for (const answer of ['250 ok', '250 ok', '354 go']) talk.server(answer);
      expect(talk.said()).toMatch(/one\r\n\.\r\n$/);
      talk.server('250 ok');
      expect(talk.said()).toMatch(/^MAIL/);
    }
  });

  it('SMTP-66 with CHUNKING up to the window of messages are in flight, and no more', () => {
    const talk = Talk.ready(['PIPELINING', 'CHUNKING'], { limits: { chunkingWindow: 3 } });
    const ids = Array.from({ length: 5 }, (_, at) => talk.submit({}, `${at}\r\n`));
    expect(talk.said().match(/BDAT/g)).toHaveLength(3);
    talk.server('250 ok', '250 ok', '250 first');
    expect(talk.said().match(/BDAT/g)).toHaveLength(1);
    talk.end();
    expect(ids.map((id) => talk.statuses(id)?.[0] ?? talk.notAttempted(id))).toEqual([
      'delivered',
      'unknown',
      'unknown',
      'unknown',
      'MB_SMTP_CONNECTION_STALE',
    ]);
  });

  it('SMTP-68 RSET keeps a message out of the transaction that the one before may have left open', () => {
    const talk = Talk.ready(['PIPELINING', 'CHUNKING']);
    const ids = ['first', 'second'].map((text) => talk.submit({ from: `${text}@example.org` }, text));
    expect(talk.said()).toMatch(/BDAT 7 LAST\r\nfirst\r\nRSET\r\nMAIL FROM:<second@/);
    // No recipient of the first message is accepted; the server keeps its transaction open.
    talk.server('250 ok', '550 no', '554 no recipients', '250 reset', '250 ok', '250 ok', '250 queued');
    expect(ids.map((id) => talk.statuses(id))).toEqual([['failed'], ['delivered']]);
  });

  it('SMTP-69 a server that refuses what follows an end of data gets one message after the other from then on', () => {
    const talk = Talk.ready(['PIPELINING']);
    const ids = ['one', 'two', 'three'].map((text) => talk.submit({}, text));
    talk.server('250 ok', '250 ok', '354 go');
    talk.said();
    talk.server('250 taken', '503 not yet', '503 not yet', '503 not yet');
    expect(talk.said()).toBe('MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n');
    talk.server('250 ok', '250 ok', '354 go');
    expect(talk.said()).toBe('two\r\n.\r\n');
    talk.server('250 taken');
    talk.server('250 ok', '250 ok', '354 go');
    talk.server('250 taken');
    expect(ids.map((id) => talk.statuses(id))).toEqual([['delivered'], ['delivered'], ['delivered']]);
  });

  it('SMTP-67 SMTP-33 a 421 in the middle defers the message that it answers; those after it were not read', () => {
    const talk = Talk.ready(['PIPELINING', 'CHUNKING']);
    const ids = ['a', 'b', 'c'].map((text) => talk.submit({}, text));
    talk.server('250 ok', '250 ok', '250 queued', '250 reset', '250 ok', '421 4.3.2 closing');
    talk.end();
    expect(ids.map((id) => talk.summary(id) ?? talk.notAttempted(id))).toEqual([
      ['delivered 250 @final'],
      ['deferred 421 @rcpt'],
      'MB_SMTP_CONNECTION_STALE',
    ]);
  });
});

describe('LMTP', () => {
  function lmtp(): Talk {
    const talk = new Talk({ protocol: 'lmtp' });
    talk.server('220 lmtp');
    expect(talk.said()).toBe('LHLO client.example.org\r\n');
    talk.server('250-lmtp', '250 PIPELINING');
    return talk;
  }
  const to = ['a@example.com', 'b@example.com', 'c@example.com'];

  it('SESS-06 reads a reply for each accepted recipient', () => {
    const talk = lmtp();
    const id = talk.submit({ to }, 'x');
    const next = talk.submit({ to: ['d@example.com'] }, 'y');
    talk.server('250 ok', '250 ok', '550 no', '250 ok', '354 go');
    talk.server('250 stored', '452 4.2.2 full', '250 ok', '250 ok', '354 go');
    expect(talk.summary(id)).toEqual(['delivered 250 @final', 'failed 550 @rcpt', 'deferred 452 @final']);
    talk.server('250 stored');
    expect(talk.statuses(next)).toEqual(['delivered']);
  });

  it('SESS-06 those without a reply are unknown when the connection is lost', () => {
    const talk = lmtp();
    const id = talk.submit({ to }, 'x');
    talk.server('250 ok', '250 ok', '250 ok', '250 ok', '354 go');
    talk.server('250 stored');
    talk.end();
    expect(talk.statuses(id)).toEqual(['delivered', 'unknown', 'unknown']);
  });

  it('SESS-06 does not fall back to HELO', () => {
    const talk = new Talk({ protocol: 'lmtp' });
    talk.server('220 smtp');
    talk.server('500 what?');
    expect(talk.closed?.error?.code).toBe('MB_SMTP_HELLO_REFUSED');
  });
});

describe('transcript', () => {
  it('SESS-05 SESS-43 tells commands and replies with their times, and no content', () => {
    const seen: string[] = [];
    const talk = Talk.ready(['PIPELINING'], { onTranscript: ({ text }) => seen.push(text) });
    talk.now += 5;
    const id = talk.submit({}, 'secret\r\n');
    talk.server('250 ok', '250 ok', '354 go');
    talk.server('250 queued');
    const delivery = talk.events.find((event) => event.type === 'delivery-settled');
    expect(delivery?.transcript).toEqual([
      { at: 1_000_005, direction: 'client', text: 'MAIL FROM:<a@example.org>' },
      { at: 1_000_005, direction: 'client', text: 'RCPT TO:<b@example.com>' },
      { at: 1_000_005, direction: 'client', text: 'DATA' },
      { at: 1_000_005, direction: 'server', text: '250 ok' },
      { at: 1_000_005, direction: 'server', text: '250 ok' },
      { at: 1_000_005, direction: 'server', text: '354 go' },
      { at: 1_000_005, direction: 'note', text: '8 octets of content sent' },
      { at: 1_000_005, direction: 'server', text: '250 queued' },
    ]);
    expect(talk.session.transcript.map(({ text }) => text)).toEqual([
      '220 mx.example.com ESMTP',
      'EHLO client.example.org',
      '250-mx.example.com',
      '250 PIPELINING',
    ]);
    expect(seen).toHaveLength(12);
    expect(seen.join()).not.toContain('secret');
    expect(talk.statuses(id)).toEqual(['delivered']);
  });

  it('SESS-21 is bounded', () => {
    const talk = Talk.ready(['PIPELINING'], { limits: { transcriptEntries: 5 } });
    talk.submit({ to: Array.from({ length: 100 }, (_, at) => `u${at}@example.com`) }, 'x');
    talk.end();
    const settled = talk.events.find((event) => event.type === 'delivery-settled');
    expect(settled?.transcript).toHaveLength(6);
    expect(settled?.transcript.at(-1)?.text).toMatch(/more entries/);
  });
});
