/**
 * Calendar invitations in the form that common mail clients expect (RFC 6047, RFC 5546).
 *
 * @packageDocumentation
 */
import { any, checkOptions, checkText, type OptionTable } from './argument.ts';
import { MimeError } from './errors.ts';
import type { Alternative, ContentAttachment } from './message.ts';

/** RFC 5546 §1.4 */
const METHODS = [
  'PUBLISH',
  'REQUEST',
  'REPLY',
  'ADD',
  'CANCEL',
  'REFRESH',
  'COUNTER',
  'DECLINECOUNTER',
] as const;

/** The method of an iCalendar object (RFC 5546 §1.4). */
export type CalendarMethod = (typeof METHODS)[number];

/** An invitation, a reply to one, or its cancellation. */
export interface CalendarInput {
  /** Must equal the METHOD property of the object. */
  readonly method: CalendarMethod;
  /** An iCalendar object (RFC 5545), with any line breaks. */
  readonly content: string;
  /** The name of the attachment; default `invite.ics`. */
  readonly filename?: string | undefined;
}

/** The checks of {@link CalendarInput}. @internal */
export const calendarInput = {
  method: any,
  content: any,
  filename: checkText,
} satisfies OptionTable<CalendarInput>;

/** What to add to a message. */
export interface CalendarParts {
  /** The object as `text/calendar; method=…`, for which clients show reply buttons. */
  readonly alternatives: readonly [Alternative];
  /** The object as a file to import. */
  readonly attachments: readonly [ContentAttachment];
}

/**
 * Makes the alternative and the attachment of an invitation from an iCalendar object (RFC 6047 §2.4).
 *
 * @returns Spread it into a message, or join it with other alternatives and attachments.
 * @throws {MimeError} MB_MIME_CALENDAR if the content is not an iCalendar object, or its METHOD is missing or differs.
 * @example composeMessage({ from, to, subject, text, ...calendarParts({ method: 'REQUEST', content }) })
 */
export function calendarParts(input: CalendarInput): CalendarParts {
  checkOptions(input, calendarInput, 'calendarParts: input');
  const { method, content, filename = 'invite.ics' } = input;
  if (!METHODS.includes(method))
    throw unfit(`The method of a calendar object is one of: ${METHODS.join(', ')}.`);
  if (typeof content !== 'string') throw unfit('A calendar object is a string.');
  const lines = `${content
    .replace(/^\ufeff/, '')
    .trimEnd()
    .replace(/\r\n|\r|\n/g, '\r\n')}\r\n`;
  const [name, component] = readProperties(lines);
  if (name !== method)
    throw unfit(
      `The METHOD of the calendar object is ${name ?? 'missing'}, and its method ${method} (RFC 6047 §2.4).`,
    );
  // RFC 6047 §2.4: the component parameter names the component inside.
  const type = `text/calendar; method=${method}${component === undefined ? '' : `; component=${component}`}`;
  return {
    alternatives: [{ contentType: type, content: lines }],
    attachments: [{ filename, contentType: 'application/ics', content: lines }],
  };
}

/** Finds the METHOD of the only VCALENDAR, in upper case, and the name of its first component with a time. */
function readProperties(lines: string): [method: string | undefined, component: string | undefined] {
  const open: string[] = [];
  const methods: string[] = [];
  let component: string | undefined;
  let calendars = 0;
  // RFC 5545 §3.1: a line break followed by a blank is a fold.
  for (const line of lines.replace(/\r\n[ \t]/g, '').split('\r\n')) {
    const [, property = '', value = ''] = /^([A-Za-z-]+)(?:;[^:]*)?:(.*)$/s.exec(line) ?? [];
    const word = value.trim().toUpperCase();
    if (/^BEGIN$/i.test(property)) {
      open.push(word);
      if (open.length === 1 && word === 'VCALENDAR') calendars += 1;
      if (open.length === 2 && /^V(?:EVENT|TODO|JOURNAL|FREEBUSY)$/.test(word)) component ??= word;
    } else if (/^END$/i.test(property)) {
      if (open.pop() !== word)
        throw unfit('The components of a calendar object begin and end in pairs (RFC 5545 §3.6).');
    } else if (line !== '' && open[0] !== 'VCALENDAR') throw unfit(NO_OBJECT);
    else if (/^METHOD$/i.test(property) && open.length === 1) methods.push(word);
  }
  // RFC 6047 §2.4: a part with a method contains one object.
  if (calendars !== 1 || open.length > 0) throw unfit(NO_OBJECT);
  if (methods.length > 1) throw unfit('A calendar object has one METHOD (RFC 5545 §3.7.2).');
  return [methods[0], component];
}

const NO_OBJECT = 'The content is one iCalendar object, from BEGIN:VCALENDAR to END:VCALENDAR.';

function unfit(message: string): MimeError {
  return new MimeError('MB_MIME_CALENDAR', message);
}
