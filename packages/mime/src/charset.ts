import { callback, type OptionTable } from './argument.ts';
/**
 * Decodes charsets that the platform does not support. `@mb/mime/charsets` exports one.
 *
 * @param octets  All octets of the text.
 * @param charset  The label in the message, in lower case.
 * @returns The text, or undefined for an unknown charset.
 */
export type CharsetDecoder = (octets: Uint8Array, charset: string) => string | undefined;

/** What can be wrong with the charset of a text. */
export type CharsetDefect = 'unknown-charset' | 'charset-mismatch';

/** How text in a charset is decoded. */
export interface CharsetOptions {
  /** Decodes charsets that the platform does not support. `@mb/mime/charsets` exports one. */
  readonly decodeCharset?: CharsetDecoder | undefined;
  /** Called for an unknown charset, and for octets that are not in their charset. */
  readonly onDefect?: ((code: CharsetDefect) => void) | undefined;
}

/** The checks of {@link CharsetOptions}. */
export const charsetOptions = {
  decodeCharset: callback,
  onDefect: callback,
} satisfies OptionTable<CharsetOptions>;

type Decoder = InstanceType<typeof TextDecoder>;

/** A charset. */
export interface Charset {
  /** Equal for all labels of one charset. */
  readonly name: string;
  /** The decoder of the platform, if it has one. */
  readonly decoder?: Decoder;
}

/** Labels that are used in mail but missing from the Encoding Standard. */
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

/** A cache of charsets by label, of limited size. */
const charsets = /* @__PURE__ */ new Map<string, Charset>();
const MAX_LABELS = 200;

/** Finds the charset of a label. Ignores case, quotes, and `_` in place of `-`. */
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
      // The Encoding Standard maps these three to other charsets; see decodeOctets.
      const own = /ascii|^ansi|^iso-?646/.test(name) ? 'us-ascii' : /^(?:utf-16|iso-8859-1)$/.exec(name)?.[0];
      charset = { name: own ?? decoder.encoding, decoder };
      break;
    } catch {
      // RangeError: the platform does not support it
    }
  }
  if (charsets.size < MAX_LABELS) charsets.set(label, charset);
  return charset;
}

/**
 * Decodes octets in a charset and removes the byte order mark. Never throws.
 *
 * If the label is wrong or unknown and the octets are valid UTF-8, they are decoded as UTF-8.
 *
 * @param label  Empty for octets without a label.
 */
export function decodeOctets(octets: Uint8Array, label: string, options: CharsetOptions): string {
  const { name, decoder } = findCharset(label);
  const ascii = name === 'us-ascii';
  // Without a decoder, as for iso-8859-99, the octets cannot be checked.
  const latin = decoder !== undefined && name.startsWith('iso-8859-');
  let defect: CharsetDefect = 'charset-mismatch';
  let text: string | undefined;
  if (decoder !== undefined) {
    text = withoutMark((name === 'utf-16' ? utf16Decoder(octets) : decoder).decode(octets));
    if (!(ascii || latin ? /[^\0-\x7f]/ : /\ufffd/).test(text)) return text;
    // ISO 8859 has no printable characters from 0x80 to 0x9F: valid UTF-8 with such octets is not ISO 8859.
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

/** RFC 2781 §4.3: the mark gives the byte order; without one it is big-endian. */
function utf16Decoder(octets: Uint8Array): Decoder {
  const [first, second] = octets;
  // QUIRK(Windows programs): little-endian without a mark. Detected by a Latin first character.
  const little = first === 0xff ? second === 0xfe : second === 0 && first !== 0;
  return findCharset(little ? 'utf-16le' : 'utf-16be').decoder!;
}

/** Removes the byte order mark, which is not part of the text (RFC 2781 §3.2, RFC 3629 §6). */
function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

const strictUtf8 = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes octets without a charset label: as UTF-8 if valid, otherwise as windows-1252, which accepts all octets. */
export function decodeUnlabelled(octets: Uint8Array): string {
  return decodeUtf8(octets) ?? findCharset('windows-1252').decoder!.decode(octets);
}

/** Decodes UTF-8. Returns undefined if the octets are not valid UTF-8. */
export function decodeUtf8(octets: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(octets);
  } catch {
    return undefined;
  }
}
