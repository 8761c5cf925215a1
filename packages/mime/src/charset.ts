import { callback, type OptionTable } from './argument.ts';
/**
 * Decodes charsets that the platform does not know; `@mb/mime/charsets` has one.
 *
 * @param octets  All octets of the text.
 * @param charset  The label of the message in lower case.
 * @returns The text, or undefined for a charset that it does not know.
 */
export type CharsetDecoder = (octets: Uint8Array, charset: string) => string | undefined;

/** What can be wrong with octets and their label. */
export type CharsetDefect = 'unknown-charset' | 'charset-mismatch';

/** How octets with a charset are decoded. */
export interface CharsetOptions {
  /** Decodes charsets that the platform does not know; `@mb/mime/charsets` has one. */
  readonly decodeCharset?: CharsetDecoder | undefined;
  /** Called for an unknown charset, and for octets that are not in their charset. */
  readonly onDefect?: ((code: CharsetDefect) => void) | undefined;
}

/** What {@link CharsetOptions} accept. */
export const charsetOptions = {
  decodeCharset: callback,
  onDefect: callback,
} satisfies OptionTable<CharsetOptions>;

type Decoder = InstanceType<typeof TextDecoder>;

/** A charset that a label names. */
export interface Charset {
  /** The same for labels of one charset. */
  readonly name: string;
  /** The platform's decoder, where it has one. */
  readonly decoder?: Decoder;
}

/** Names that mail uses for a charset and the Encoding Standard does not know. */
const ALIASES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['utf8mb4', 'utf-8'],
  ['cp932', 'shift_jis'],
  ['ks-c-5601', 'euc-kr'],
  ['cp936', 'gbk'],
  ['ms936', 'gbk'],
  ['cp949', 'euc-kr'],
  ['cp950', 'big5'],
  ['cp50220', 'iso-2022-jp'],
  ['cp50221', 'iso-2022-jp'],
]);

/** Charsets by label. The labels that are kept are bounded. */
const charsets = /* @__PURE__ */ new Map<string, Charset>();
const MAX_LABELS = 200;

/** The charset that a label names: case, quotes and `_` for `-` make no difference. */
export function findCharset(label: string): Charset {
  const known = charsets.get(label);
  if (known !== undefined) return known;
  const written = label.toLowerCase().replace(/['"\s]/g, '');
  const name = written.replaceAll('_', '-');
  let charset: Charset = { name };
  for (const candidate of [
    written,
    ALIASES.get(name) ?? name,
    name.replaceAll('-', ''),
    name.replace(/^(?:cp|win|windows|ms)-?(?=\d)/, 'windows-'),
  ]) {
    try {
      const decoder = new TextDecoder(candidate, { ignoreBOM: true });
      // The Encoding Standard takes these three for others; see decodeOctets.
      const own = /ascii|^ansi|^iso-?646/.test(name) ? 'us-ascii' : /^(?:utf-16|iso-8859-1)$/.exec(name)?.[0];
      charset = { name: own ?? decoder.encoding, decoder };
      break;
    } catch {
      // RangeError: the platform has no such charset
    }
  }
  if (charsets.size < MAX_LABELS) charsets.set(label, charset);
  return charset;
}

/**
 * The text of octets in a charset, without a byte order mark, and never an error.
 *
 * Octets that are not what their label says, or whose label is unknown, are read as UTF-8 where they are that.
 *
 * @param label  Empty for octets without a label.
 */
export function decodeOctets(octets: Uint8Array, label: string, options: CharsetOptions): string {
  const { name, decoder } = findCharset(label);
  const ascii = name === 'us-ascii';
  // Without a decoder, as for iso-8859-99, nothing is known of the octets.
  const latin = decoder !== undefined && name.startsWith('iso-8859-');
  let defect: CharsetDefect = 'charset-mismatch';
  let text: string | undefined;
  if (decoder !== undefined) {
    text = withoutMark((name === 'utf-16' ? utf16Decoder(octets) : decoder).decode(octets));
    if (!(ascii || latin ? /[^\0-\x7f]/ : /\ufffd/).test(text)) return text;
    // ISO 8859 has no characters from 0x80 to 0x9F: UTF-8 text with such octets was not meant to be ISO 8859.
    if (latin && !octets.some((octet) => octet > 0x7f && octet < 0xa0)) return text;
  } else if (label !== '') {
    text = options.decodeCharset?.(octets, label.toLowerCase());
    if (text !== undefined) return withoutMark(text);
    defect = 'unknown-charset';
  }
  const utf8 = decodeUtf8(octets);
  if (utf8 === undefined && latin) return text!;
  if (label !== '' && !(utf8 !== undefined && name === 'utf-8')) options.onDefect?.(defect);
  return withoutMark(utf8 ?? text ?? decodeUnlabelled(octets));
}

/** RFC 2781 §4.3: the mark says the order; without one it is big-endian. */
function utf16Decoder(octets: Uint8Array): Decoder {
  const [first, second] = octets;
  // QUIRK(Windows programs): little-endian without a mark; the first character is Latin then.
  const little = first === 0xff ? second === 0xfe : second === 0 && first !== 0;
  return findCharset(little ? 'utf-16le' : 'utf-16be').decoder!;
}

/** Text without its byte order mark, which is no part of it (RFC 2781 §3.2, RFC 3629 §6). */
function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

const strictUtf8 = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of octets without a charset label: UTF-8 where they are that, else windows-1252, which is never wrong. */
export function decodeUnlabelled(octets: Uint8Array): string {
  return decodeUtf8(octets) ?? findCharset('windows-1252').decoder!.decode(octets);
}

/** The text of octets that are UTF-8, ASCII included; undefined for others. */
export function decodeUtf8(octets: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(octets);
  } catch {
    return undefined;
  }
}
