import { type HeaderBlock, type ParsedMessage, readAuthor } from '@mb/mime';
import { error, type LintFinding, ok, warning } from './finding.ts';

const DAY = 86_400_000;

/** RFC 5322 §3.6: these fields may appear only once. */
const SINGLE = [
  'Date',
  'From',
  'Sender',
  'Reply-To',
  'To',
  'Cc',
  'Message-ID',
  'In-Reply-To',
  'References',
  'Subject',
];

/** What the fields that every message has must look like. */
export function checkHeader(message: ParsedMessage, now: number): LintFinding[] {
  return [
    checkFrom(message),
    checkDate(message, now),
    checkMessageId(message.headers),
    checkRecipients(message),
    checkSubject(message.subject),
    ...checkRepetition(message.headers),
  ];
}

function checkFrom(message: ParsedMessage): LintFinding {
  const reading = readAuthor(message);
  const fix = 'Name one author, such as: From: Ann <ann@example.com>';
  // RFC 5322 §3.6.2 allows several authors; RFC 9989 §5.3.1: DMARC is about one.
  if (reading.status === 'none') {
    return reading.reason === 'several'
      ? warning('from', reading.detail, fix)
      : error('from', reading.detail, fix);
  }
  const { address, domain } = reading.author;
  if (!/^[^.\s]+(\.[^.\s]+)+$/.test(domain)) {
    return error('from', `${address} cannot receive answers.`, fix);
  }
  return ok('from', `The author is ${address}.`);
}

function checkDate({ headers, date }: ParsedMessage, now: number): LintFinding {
  const fix = 'Set Date to the moment of sending (RFC 5322 §3.6.1).';
  if (headers.get('Date') === undefined) return error('date', 'There is no Date field.', fix);
  if (date === undefined) return error('date', 'Date cannot be read.', fix);
  const age = now - date.getTime();
  if (age < -DAY) return warning('date', 'Date lies in the future.', fix);
  if (age > 7 * DAY) return warning('date', `Date is ${Math.floor(age / DAY)} days old.`, fix);
  return ok('date', 'Date is valid.');
}

function checkMessageId(headers: HeaderBlock): LintFinding {
  const value = headers.get('Message-ID');
  const fix = 'Give each message an identifier of its own, such as <unique@example.com> (RFC 5322 §3.6.4).';
  if (value === undefined) return error('message-id', 'There is no Message-ID field.', fix);
  return /^\s*<[^<>\s@]+@[^<>\s@]+>\s*$/.test(value)
    ? ok('message-id', 'Message-ID is valid.')
    : error('message-id', 'Message-ID is not one identifier in angle brackets.', fix);
}

function checkRecipients({ headers, to, cc }: ParsedMessage): LintFinding {
  if (headers.get('Bcc') !== undefined) {
    return error(
      'recipients',
      'The Bcc field is still in the message, where all recipients can read it.',
      'Take it out before sending.',
    );
  }
  return to.length + cc.length > 0
    ? ok('recipients', 'To or Cc names a recipient.')
    : warning('recipients', 'Neither To nor Cc names a recipient.', 'Name the recipient in To.');
}

function checkSubject(subject: string | undefined): LintFinding {
  return (subject ?? '').trim() === ''
    ? warning('subject', 'There is no subject.', 'Say what the message is about.')
    : ok('subject', 'There is a subject.');
}

function checkRepetition(headers: HeaderBlock): LintFinding[] {
  return SINGLE.filter((name) => name !== 'From' && headers.getAll(name).length > 1).map((name) =>
    error('repetition', `${name} appears ${headers.getAll(name).length} times.`, 'Keep one (RFC 5322 §3.6).'),
  );
}

/** RFC 8058 and RFC 2369: leaving a list must take one request and no page. */
export function checkUnsubscribe(
  headers: HeaderBlock,
  signedNames: readonly string[] | undefined,
): LintFinding {
  const check = 'unsubscribe';
  const list = headers.get('List-Unsubscribe');
  const fix =
    'Send List-Unsubscribe: <https://…> and List-Unsubscribe-Post: List-Unsubscribe=One-Click, both signed (RFC 8058).';
  if (list === undefined) return error(check, 'There is no List-Unsubscribe field.', fix);
  const uris = [...list.matchAll(/<([^<>]*)>/g)].map(([, uri = '']) => uri.trim());
  if (!uris.some((uri) => URL.parse(uri)?.protocol === 'https:')) {
    return error(check, 'List-Unsubscribe has no https URI, which one-click needs.', fix);
  }
  // RFC 8058 §3.1: this text and no other.
  if (headers.get('List-Unsubscribe-Post')?.trim() !== 'List-Unsubscribe=One-Click') {
    return error(check, 'List-Unsubscribe-Post does not say List-Unsubscribe=One-Click.', fix);
  }
  // RFC 8058 §4: a valid signature covers both.
  const unsigned = ['list-unsubscribe', 'list-unsubscribe-post'].filter(
    (name) => signedNames && !signedNames.includes(name),
  );
  if (unsigned.length > 0) return error(check, `No valid signature covers ${unsigned.join(' and ')}.`, fix);
  return ok(check, 'One click is enough to unsubscribe.');
}
