/**
 * Replaces the `data:` URLs (RFC 2397) in an HTML body by inline parts, since many clients do not show them.
 *
 * @packageDocumentation
 */

import { callback, checkOctets, checkOptions, checkText, type OptionTable } from './argument.ts';
import { unescapeOctets } from './encoded-word.ts';
import { MimeError } from './errors.ts';
import type { ContentAttachment } from './message.ts';
import { hex } from './message-id.ts';
import { decodeBase64 } from './transfer/base64.ts';
import { decodeAscii } from './utf8.ts';

/** How the parts are named. */
export interface InlineDataUrlOptions {
  /** The domain after the @ of each Content-ID; default `inline.invalid`. */
  readonly domain?: string | undefined;
  /** Random octets for Content-IDs; default the platform's cryptographic source. */
  readonly randomBytes?: ((length: number) => Uint8Array) | undefined;
}

/** The checks of {@link InlineDataUrlOptions}. @internal */
export const inlineDataUrlOptions = {
  domain: checkText,
  randomBytes: callback,
} satisfies OptionTable<InlineDataUrlOptions>;

/** HTML with `cid:` links, and their parts. */
export interface InlinedHtml {
  readonly html: string;
  readonly attachments: readonly ContentAttachment[];
}

/** HTML attributes and CSS functions with a `data:` URL, quoted or not. */
const DATA_URL =
  /(\s(?:src|background|poster)\s{0,9}=\s{0,9}|\burl\(\s{0,9})(?:"(data:[^"]*)"|'(data:[^']*)'|(data:[^\s"'<>)]*))/gi;

/**
 * Replaces the `data:` URLs in an HTML body by `cid:` links and returns the linked parts (RFC 2392, RFC 2397).
 *
 * Equal URLs become one part. Invalid URLs are left unchanged.
 *
 * @example
 * const { html, attachments } = inlineDataUrls(body)
 * composeMessage({ from, to, html, attachments })
 * @throws {MimeError} MB_MIME_OPTION for a domain that is not valid in a Content-ID.
 */
export function inlineDataUrls(html: string, options: InlineDataUrlOptions = {}): InlinedHtml {
  checkText(html, 'inlineDataUrls: html');
  checkOptions(options, inlineDataUrlOptions, 'inlineDataUrls: options');
  const {
    domain = 'inline.invalid',
    randomBytes = (length) => crypto.getRandomValues(new Uint8Array(length)),
  } = options;
  if (!/^[\w.-]{1,200}$/.test(domain))
    throw new MimeError(
      'MB_MIME_OPTION',
      'The domain of content ids must consist of letters, digits, dots and dashes.',
    );
  const ids = new Map<string, string>();
  const attachments: ContentAttachment[] = [];
  const inlined = html.replace(DATA_URL, (all, before: string, double, single, bare) => {
    const url: string = double ?? single ?? bare;
    let contentId = ids.get(url);
    if (contentId === undefined) {
      const data = readDataUrl(url);
      if (data === undefined) return all;
      const random = randomBytes(12);
      checkOctets(random, 'inlineDataUrls: what randomBytes returns');
      contentId = `${hex(random, 0, 12)}@${domain}`;
      ids.set(url, contentId);
      attachments.push({
        ...data,
        contentId,
        disposition: 'inline',
        filename: nameOf(data.contentType, attachments.length),
      });
    }
    const quote = double !== undefined ? '"' : single !== undefined ? "'" : '';
    return `${before}${quote}cid:${contentId}${quote}`;
  });
  return { html: inlined, attachments };
}

/** RFC 2397 §3: `data:[type][;parameters][;base64],data`, with `&amp;` for `&` as in HTML. */
function readDataUrl(url: string): { contentType: string; content: Uint8Array } | undefined {
  const comma = url.indexOf(',');
  if (comma < 0) return undefined;
  const [type = '', ...parameters] = url.slice(5, comma).split(';');
  const base64 = parameters.at(-1)?.trim().toLowerCase() === 'base64';
  if (base64) parameters.pop();
  const octets = unescapeOctets(url.slice(comma + 1).replaceAll('&amp;', '&'), '%');
  let content = octets;
  if (base64) {
    const text = decodeAscii(octets).replace(/\s+/g, '');
    if (!/^[\w+/-]*={0,2}$/.test(text)) return undefined;
    content = decodeBase64(text.replaceAll('-', '+').replaceAll('_', '/'));
  }
  if (content.length === 0) return undefined;
  const contentType = type.trim() === '' ? 'text/plain' : type.trim().toLowerCase();
  if (!/^[\w.+-]+\/[\w.+-]+$/.test(contentType)) return undefined;
  const charset = parameters.find((parameter) => /^\s*charset=[\w.-]+$/i.test(parameter));
  return { contentType: charset === undefined ? contentType : `${contentType}; ${charset.trim()}`, content };
}

function nameOf(contentType: string, index: number): string {
  const ending = /^image\/(?:x-)?(\w+)/.exec(contentType)?.[1] ?? 'bin';
  return `picture-${index + 1}.${ending === 'jpeg' ? 'jpg' : ending}`;
}
