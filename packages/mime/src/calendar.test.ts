import { describe, expect, it } from 'vitest';
import { codeOf } from '../test/compose-text.ts';
import { type CalendarMethod, calendarParts } from './calendar.ts';
import { composeMessage, parseMessage } from './index.ts';

const invitation = (method = 'METHOD:REQUEST') =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//example//EN', method, 'BEGIN:VTIMEZONE', 'END:VTIMEZONE']
    .concat(
      'BEGIN:VEVENT',
      'UID:1@example.com',
      'SUMMARY:Grüße and a',
      '  fold',
      'END:VEVENT',
      'END:VCALENDAR',
    )
    .join('\n');

describe('calendarParts', () => {
  it('MIME-42 makes an invitation an alternative and an attachment', async () => {
    const parts = calendarParts({ method: 'REQUEST', content: invitation() });
    const message = { from: 'a@example.com', text: 't', html: '<p>t</p>', ...parts };
    const { alternatives, attachments } = await parseMessage(await composeMessage(message).bytes());
    expect(alternatives).toHaveLength(1);
    expect(alternatives[0]!.contentType).toBe('text/calendar');
    expect(Object.fromEntries(alternatives[0]!.parameters)).toEqual({
      method: 'REQUEST',
      component: 'VEVENT',
      charset: 'utf-8',
    });
    const crlf = `${invitation().replaceAll('\n', '\r\n')}\r\n`;
    expect(Buffer.from(alternatives[0]!.content).toString()).toBe(crlf);
    expect(attachments).toMatchObject([{ contentType: 'application/ics', filename: 'invite.ics' }]);
    expect(Buffer.from(attachments[0]!.content).toString()).toBe(crlf);
  });

  it('MIME-43 refuses a METHOD that differs from the method, and what is no calendar object', async () => {
    const refused: [method: string, content: unknown][] = [
      ['CANCEL', invitation()],
      ['REQUEST', invitation('X-A:b')],
      ['REQUEST', invitation('METHOD:REQUEST\nMETHOD:CANCEL')],
      ['REQUEST', invitation('METHOD:REQUEST\nBEGIN:VEVENT')],
      ['REQUEST', `${invitation()}\n${invitation()}`],
      ['REQUEST', `METHOD:REQUEST\n${invitation('X-A:b')}`],
      ['REQUEST', 'METHOD:REQUEST'],
      ['REQUEST', ''],
      ['REQUEST', 7],
      ['INVITE', invitation('METHOD:INVITE')],
    ];
    for (const [method, content] of refused)
      expect(
        await codeOf(() => calendarParts({ method: method as CalendarMethod, content: content as string })),
        String(content),
      ).toBe('MB_MIME_CALENDAR');
    const folded = invitation('METH\n OD;X=y:re\n\tquest').replaceAll('\n', '\r');
    expect(calendarParts({ method: 'REQUEST', content: folded }).alternatives[0].contentType).toContain(
      'REQUEST',
    );
  });
});
