import { checkOctets } from './argument.ts';
import { type BodyContext, buildMessageContent, buildText, encodeText, multipart } from './body.ts';
import type { ReportInput } from './message.ts';
import type { Part } from './part-tree.ts';
import type { FormattedReport } from './report.ts';
import { encodeUtf8 } from './utf8.ts';

/**
 * Builds a multipart/report (RFC 6522 §3): a human-readable part, a machine-readable part, and the reported message.
 *
 * @param forms  The forms of the human-readable part, plainest first.
 */
export function buildReportBody(
  record: FormattedReport,
  { original }: ReportInput,
  forms: readonly Part[],
  context: BodyContext,
): Part {
  const human = forms.length > 1 ? multipart('alternative', forms, context) : forms[0];
  const parts = [
    human ?? buildText('text/plain', '', context),
    encodeText(`Content-Type: ${record.contentType}\r\n`, encodeUtf8(record.text), context),
  ];
  if (original !== undefined && 'message' in original) {
    checkOctets(original.message, 'report.original.message');
    const source = { octets: original.message, text: false };
    parts.push(buildMessageContent('Content-Type: message/rfc822\r\n', source, context));
  } else if (original !== undefined) {
    checkOctets(original.headers, 'report.original.headers');
    parts.push(encodeText('Content-Type: text/rfc822-headers\r\n', original.headers, context));
  }
  return multipart('report', parts, context, ['report-type', record.reportType]);
}
