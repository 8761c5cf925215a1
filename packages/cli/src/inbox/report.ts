import { type Authentication, listVerdicts, type ShortVerdict } from '@mb/broker/lint';
import type { ParsedMessage } from '@mb/mime';
import { colors as pc } from '../colors.ts';
import { paintResult } from '../message/verdict.ts';
import { plural } from '../plural.ts';
import { printable, terminalWidth, wrap } from '../terminal.ts';
import { formatMoment } from '../time.ts';
import type { Arrival } from './server.ts';

/** What the inbox prints about one message. */
export interface ArrivalReport {
  readonly type: 'message';
  readonly at: number;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly user?: string;
  readonly subject?: string;
  readonly size: number;
  /** The alternatives of the body. */
  readonly body: readonly ('text' | 'html')[];
  readonly attachments: readonly string[];
  readonly defects: readonly string[];
  readonly verdicts: readonly ShortVerdict[];
  /** Where it was saved. */
  readonly file?: string;
}

/** Builds the report of a message. */
export function describeArrival(
  { at, sender, recipients, user, octets }: Arrival,
  message: ParsedMessage,
  authentication: Authentication | undefined,
  file: string | undefined,
): ArrivalReport {
  const { subject, text, html, attachments, defects } = message;
  return {
    type: 'message',
    at,
    sender,
    recipients,
    ...(user !== undefined && { user }),
    ...(subject !== undefined && { subject }),
    size: octets.length,
    body: [
      ...(text === undefined ? [] : ['text' as const]),
      ...(html === undefined ? [] : ['html' as const]),
    ],
    attachments: attachments.map(({ filename, contentType }) => filename ?? contentType),
    defects: defects.map(({ code }) => code),
    verdicts: authentication ? listVerdicts(authentication) : [],
    ...(file !== undefined && { file }),
  };
}

/** Formats a report as a few lines of text. */
export function formatArrival(report: ArrivalReport, width = terminalWidth()): string {
  const { at, sender, recipients, subject, size, body, attachments, defects, verdicts, file } = report;
  const route = `<${sender}> → ${recipients.join(', ')}`;
  const say = (text: string) => wrap(printable(text).replaceAll('\n', ' '), '    ', width);
  const facts = [
    plural(size, 'octet'),
    body.join(' and ') || 'no body',
    ...attachments.map((name) => `"${name}"`),
  ];
  const marks = verdicts.map(({ method, result }) => `${method}=${paintResult(result)}`);
  return `${[
    `${pc.dim(formatMoment(at).slice(11))} ${pc.bold(
      printable(subject ?? '(no subject)')
        .replaceAll('\n', ' ')
        .slice(0, width - 9),
    )}`,
    say(route),
    say(facts.join(', ')),
    ...(marks.length === 0 ? [] : [`    ${marks.join(' ')}`]),
    ...verdicts
      .filter(({ result }) => result !== 'pass')
      .map(({ method, detail }) => say(`${method}: ${detail}`)),
    ...(defects.length === 0 ? [] : [say(`defects: ${defects.join(', ')}`)]),
    ...(file === undefined ? [] : [say(file)]),
  ].join('\n')}\n`;
}
