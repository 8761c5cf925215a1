import { describe, expect, it } from 'vitest';
import { Talk } from '../../../test/talk.ts';

describe('events of a session', () => {
  it('SESS-12 a settled delivery shows its results and its transcript, and nothing of the session', () => {
    const talk = Talk.ready();
    const id = talk.submit({ to: ['b@example.com', 'c@example.com'] }, 'x\r\n');
    talk.server('250 ok', '250 ok', '550 5.1.1 no such user', '354 go');
    talk.server('250 2.0.0 queued');
    const event = talk.events.find(({ type }) => type === 'delivery-settled');
    expect(Object.keys(event!)).toEqual(['type', 'id', 'recipients']);
    expect(event).toMatchObject({
      id,
      recipients: [
        { recipient: 'b@example.com', status: 'delivered', stage: 'final' },
        { recipient: 'c@example.com', status: 'failed', stage: 'rcpt' },
      ],
    });
    const { transcript } = event as Extract<typeof event, { type: 'delivery-settled' }>;
    expect(transcript.at(-1)?.text).toBe('250 2.0.0 queued');
    talk.server('421 4.3.2 bye');
    expect(event).toMatchObject({ recipients: [{ status: 'delivered' }, { status: 'failed' }] });
  });

  it('SESS-44 the answers to events are checked', () => {
    const { session, now } = Talk.ready();
    const wrong = [
      () => session.receive('250 ok' as never, now),
      () => session.authRespond('secret' as never, now),
      () => session.provideContent(1, 'x' as never, now),
      () => session.tlsEstablished({ verified: 'yes', description: '' } as never, now),
      () => session.tlsEstablished(undefined as never, now),
      () => session.tlsEstablished({ verified: true, description: 'x', trusted: true } as never, now),
    ];
    for (const call of wrong) expect(call).toThrow(expect.objectContaining({ code: 'MB_SMTP_OPTION' }));
  });
});
