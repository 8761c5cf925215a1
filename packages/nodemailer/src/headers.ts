import { messageError } from './errors.ts';
import type { HeaderOption, HeadersOption } from './nodemailer-message.ts';

/** Fields that nodemailer accepts both in `headers` and as options. */
const withOption: ReadonlyMap<string, string> = new Map(
  Object.entries({
    from: 'from',
    sender: 'sender',
    to: 'to',
    cc: 'cc',
    bcc: 'bcc',
    'reply-to': 'replyTo',
    subject: 'subject',
    date: 'date',
    'message-id': 'messageId',
    'in-reply-to': 'inReplyTo',
    references: 'references',
  }),
);

const ofContent = /^content-(?:type|transfer-encoding|disposition|id)$|^mime-version$/i;

/** Header fields, separated from those that are options of a message. */
export interface SplitHeaders {
  readonly pairs: readonly (readonly [name: string, value: string])[];
  /** By option name. The last value counts, and an option of the message overrides it. */
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Parses the header fields of a message or part.
 *
 * @throws {NodemailerBridgeError} MB_NODEMAILER_MESSAGE
 */
export function readHeaders(headers: HeadersOption | undefined, field = 'headers'): SplitHeaders {
  const pairs: (readonly [string, string])[] = [];
  const options: Record<string, string> = {};
  for (const [name, option] of entriesOf(headers, field)) {
    const value = lineOf(option, `${field}.${name}`);
    if (value === undefined) continue;
    if (ofContent.test(name)) {
      throw messageError(`${field}.${name}`, 'is written from the content; leave it out.');
    }
    const optionName = withOption.get(name.toLowerCase());
    if (optionName === undefined) pairs.push([name, value]);
    else options[optionName] = value;
  }
  return { pairs, options };
}

function entriesOf(headers: HeadersOption | undefined, field: string): (readonly [string, unknown])[] {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== 'object')
    throw messageError(field, 'must be an object, or a list of { key, value }.');
  if (Array.isArray(headers)) {
    return (headers as readonly { key?: unknown; value?: unknown }[]).map((entry, i) => {
      if (typeof entry?.key !== 'string')
        throw messageError(`${field}[${i}].key`, 'must be the name of a field.');
      return [entry.key, entry.value] as const;
    });
  }
  return Object.entries(headers).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => [name, value] as const),
  );
}

/** The value as one line: line breaks become spaces, as in nodemailer. */
function lineOf(option: unknown, field: string): string | undefined {
  if (option === undefined || option === null) return undefined;
  if (option instanceof Date) return option.toUTCString();
  if (['string', 'number', 'boolean'].includes(typeof option)) {
    return String(option)
      .replace(/\r\n|\r|\n/g, ' ')
      .replace(/ {2,}/g, ' ');
  }
  if (typeof option === 'object' && 'value' in option)
    return lineOf((option as { value: HeaderOption }).value, field);
  throw messageError(field, 'must be a string, a number, a Date or { value, prepared }.');
}
