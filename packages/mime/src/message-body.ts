import { type CharsetOptions, decodeOctets } from './charset.ts';
import { joinFlowed } from './format-flowed.ts';
import { escapeHtml, wordsOfHtml } from './html-words.ts';
import type { ParsedPart } from './parsed-message.ts';

/** The parts of a message by their role, and its text and HTML. */
export interface MessageBody {
  readonly textBody: readonly ParsedPart[];
  readonly htmlBody: readonly ParsedPart[];
  readonly alternatives: readonly ParsedPart[];
  readonly attachments: readonly ParsedPart[];
  readonly text?: string;
  readonly html?: string;
}

/** Sorts the parts into body, alternatives and attachments (RFC 8621 §4.1.4), and joins the texts of the body. */
export function readBody(root: ParsedPart, charset: (path: string) => CharsetOptions): MessageBody {
  const sorter = new PartSorter();
  sorter.visit([root], 'multipart/mixed', false, sorter.textBody, sorter.htmlBody);
  const { textBody, htmlBody, alternatives, attachments } = sorter;
  const texts = new Map<ParsedPart, string>();
  const textOf = (part: ParsedPart) => {
    const text = texts.get(part) ?? decodeText(part, charset);
    texts.set(part, text);
    return text;
  };
  const text = joinTexts(textBody.filter(isText), isPlain, (part) =>
    isPlain(part) ? textOf(part) : wordsOfHtml(textOf(part)),
  );
  const html = joinTexts(htmlBody.filter(isText), isHtml, (part) =>
    isHtml(part) ? textOf(part) : escapeHtml(textOf(part)),
  );
  return {
    textBody,
    htmlBody,
    alternatives,
    attachments,
    ...(text !== undefined && { text }),
    ...(html !== undefined && { html }),
  };
}

/** Joins the texts that `read` returns for the parts; undefined if no part is wanted. */
function joinTexts(
  parts: readonly ParsedPart[],
  isWanted: (part: ParsedPart) => boolean,
  read: (part: ParsedPart) => string,
): string | undefined {
  if (!parts.some(isWanted)) return undefined;
  let joined = '';
  for (const part of parts) {
    const text = read(part);
    if (joined !== '' && text !== '' && !joined.endsWith('\n')) joined += '\n';
    joined += text;
  }
  return joined;
}

const isHtml = ({ contentType }: ParsedPart) => contentType === 'text/html';
/** A multipart without parts counts as plain text, as a part with an unreadable type does (RFC 2045 §5.2). */
const isPlain = ({ contentType }: ParsedPart) =>
  contentType === 'text/plain' || contentType.startsWith('multipart/');
const isText = (part: ParsedPart) => isPlain(part) || isHtml(part);
const isMedia = ({ contentType }: ParsedPart) => /^(?:image|audio|video)\//.test(contentType);

/** A list of body parts; undefined where another part already represents the content in this form. */
type PartList = ParsedPart[] | undefined;

/** Implements the algorithm suggested by RFC 8621 §4.1.4, with the deviations named below. */
class PartSorter {
  readonly textBody: ParsedPart[] = [];
  readonly htmlBody: ParsedPart[] = [];
  readonly alternatives: ParsedPart[] = [];
  readonly attachments: ParsedPart[] = [];

  visit(
    parts: readonly ParsedPart[],
    parentType: string,
    inAlternative: boolean,
    textBody: PartList,
    htmlBody: PartList,
    main = parts[0],
  ): void {
    const isAlternative = parentType === 'multipart/alternative';
    const texts = textBody?.length;
    const htmls = htmlBody?.length;
    let textList = textBody;
    let htmlList = htmlBody;
    for (const part of parts) {
      const { contentType, parts: inner, disposition, filename } = part;
      if (inner.length > 0) {
        const within = inAlternative || contentType === 'multipart/alternative';
        this.visit(inner, contentType, within, textList, htmlList, mainPart(part));
        continue;
      }
      if (contentType.startsWith('multipart/') && part.content.length === 0) continue;
      // DEVIATES RFC 8621 §4.1.4: a part of an alternative may have a file name and still be body (RFC 2183 §2.8).
      const isBody =
        disposition !== 'attachment' &&
        (isText(part) || isMedia(part)) &&
        (part === main ||
          isAlternative ||
          (parentType !== 'multipart/related' && (isMedia(part) || filename === undefined)));
      if (isBody && isAlternative && isText(part))
        ((isHtml(part) ? htmlList : textList) ?? htmlList ?? textList)!.push(part);
      else if (isBody && !isAlternative) {
        // DEVIATES RFC 8621 §4.1.4: its algorithm loses the second form if one branch of an alternative has both.
        if (inAlternative && isPlain(part) && textList) htmlList = undefined;
        if (inAlternative && isHtml(part) && htmlList) textList = undefined;
        textList?.push(part);
        htmlList?.push(part);
        // DEVIATES RFC 8621 §4.1.4: media in the body are also attachments, since `text` and `html` do not show them.
        if (isMedia(part)) this.attachments.push(part);
      } else if (isAlternative && disposition !== 'attachment' && isForm(part)) this.alternatives.push(part);
      else this.attachments.push(part);
    }
    if (isAlternative && texts !== undefined && htmls !== undefined)
      fillForms(textBody!, texts, htmlBody!, htmls);
  }
}

/** True for another form of the content: a text such as a calendar invitation, or anything without a file name. */
function isForm({ contentType, filename }: ParsedPart): boolean {
  return filename === undefined || contentType.startsWith('text/');
}

/** Returns the root of a multipart: the part that `start` names (RFC 2387 §3.2), else the first one. */
function mainPart({ contentType, parameters, parts }: ParsedPart): ParsedPart | undefined {
  const start =
    contentType === 'multipart/related' ? parameters.get('start')?.replace(/[<>\s]/g, '') : undefined;
  return parts.find(({ contentId }) => contentId !== undefined && contentId === start) ?? parts[0];
}

/** If an alternative has only one form, puts it into both lists. */
function fillForms(textBody: ParsedPart[], texts: number, htmlBody: ParsedPart[], htmls: number): void {
  const newTexts = textBody.slice(texts);
  const newHtmls = htmlBody.slice(htmls);
  if (newTexts.length === 0) for (const part of newHtmls) textBody.push(part);
  if (newHtmls.length === 0) for (const part of newTexts) htmlBody.push(part);
}

/** Returns the decoded text of a part, with LF line ends and flowed lines joined. */
function decodeText(part: ParsedPart, charset: (path: string) => CharsetOptions): string {
  const text = decodeOctets(part.content, part.parameters.get('charset') ?? '', charset(part.path));
  if (part.contentType === 'text/plain' && part.parameters.get('format')?.toLowerCase() === 'flowed') {
    return joinFlowed(text, part.parameters.get('delsp')?.toLowerCase() === 'yes');
  }
  return text.replace(/\r\n/g, '\n');
}
