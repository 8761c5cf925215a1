import type { ParsedMessage, ParsedPart } from '@mb/mime';
import { error, type LintFinding, ok, warning } from './finding.ts';

/** RFC 5322 §2.1.1: octets of a line without its CRLF. */
const MAX_LINE = 998;
const MIB = 1024 * 1024;
/** Many receivers take no larger message. */
const MAX_SIZE = 25 * MIB;
const LARGE_SIZE = 10 * MIB;
/** Gmail shows no more of an HTML body than about 102 KB and hides the rest behind a link. */
const MAX_HTML = 102 * 1024;
/** Extensions of attachments that large receivers refuse, whatever their content. */
const BLOCKED =
  /\.(ade|adp|apk|appx|bat|cab|chm|cmd|com|cpl|dll|dmg|exe|hta|ins|iso|isp|jar|js|jse|lib|lnk|mde|msc|msi|msix|msp|mst|nsh|pif|ps1|scr|sct|shb|sys|vb|vbe|vbs|vhd|vxd|wsc|wsf|wsh)$/i;

/** Line lengths, size, forms of the body and attachments. */
export function checkBody(octets: Uint8Array, message: ParsedMessage): LintFinding[] {
  return [
    checkLines(octets),
    checkSize(octets.length),
    checkForms(message),
    ...checkHtmlSize(message),
    ...checkAttachments(message.attachments),
    ...checkDefects(message),
  ];
}

function checkLines(octets: Uint8Array): LintFinding {
  const tooLong: number[] = [];
  let line = 1;
  for (let start = 0; start < octets.length; line += 1) {
    const found = octets.indexOf(0x0a, start);
    const end = found < 0 ? octets.length : found;
    const length = end - start - (end > start && octets[end - 1] === 0x0d ? 1 : 0);
    if (length > MAX_LINE) tooLong.push(line);
    start = end + 1;
  }
  const [first] = tooLong;
  return first === undefined
    ? ok('lines', `No line is longer than ${MAX_LINE} octets.`)
    : error(
        'lines',
        tooLong.length === 1
          ? `Line ${first} is longer than ${MAX_LINE} octets.`
          : `${tooLong.length} lines are longer than ${MAX_LINE} octets; the first is line ${first}.`,
        'Encode such content as quoted-printable or base64 (RFC 5322 §2.1.1).',
      );
}

function checkSize(size: number): LintFinding {
  const text = `The message has ${(size / MIB).toFixed(1)} MiB.`;
  const fix = 'Link to large files instead of attaching them.';
  if (size > MAX_SIZE) return error('size', `${text} Many receivers accept at most 25 MiB.`, fix);
  return size > LARGE_SIZE ? warning('size', text, fix) : ok('size', text);
}

function checkForms({ text, html }: ParsedMessage): LintFinding {
  const plain = (text ?? '').trim() !== '';
  if (html === undefined) {
    return plain
      ? ok('text', 'The body is plain text.')
      : warning('text', 'The body is empty.', 'Add text to the body.');
  }
  return plain
    ? ok('text', 'The HTML has a plain text alternative.')
    : warning(
        'text',
        'The HTML has no plain text alternative.',
        'Add the same content as text/plain in a multipart/alternative.',
      );
}

function checkHtmlSize({ html }: ParsedMessage): LintFinding[] {
  const size = Buffer.byteLength(html ?? '');
  if (size <= MAX_HTML) return [];
  const message = `The HTML has ${Math.ceil(size / 1024)} KiB; Gmail hides what exceeds about 102 KiB.`;
  return [warning('html', message, 'Make it shorter; the unsubscribe link is often at the end.')];
}

function checkAttachments(attachments: readonly ParsedPart[]): LintFinding[] {
  return attachments
    .filter(({ filename }) => filename !== undefined && BLOCKED.test(filename))
    .map(({ filename }) =>
      error('attachments', `Large receivers refuse files such as "${filename}".`, 'Link to it instead.'),
    );
}

function checkDefects({ defects }: ParsedMessage): LintFinding[] {
  return (
    defects
      // Line ends become CRLF when the file is sent; the others have checks of their own.
      .filter(({ code }) => !['bare-lf', 'date-invalid'].includes(code))
      .map(({ code, path }) =>
        error(
          'mime',
          `The message has the defect ${code}${path === '' ? '' : ` in part ${path}`}.`,
          'Correct what writes the message; "mb message show" shows its parts.',
        ),
      )
  );
}
