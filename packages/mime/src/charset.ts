/** Names that mail uses for a charset and the Encoding Standard does not know. */
const ALIASES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['utf8mb4', 'utf-8'],
  ['cp-850', 'windows-1252'],
  ['iso-8859-8-i', 'iso-8859-8'],
  ['cp932', 'shift_jis'],
  ['ms932', 'shift_jis'],
  ['cp936', 'gbk'],
  ['ms936', 'gbk'],
  ['cp949', 'euc-kr'],
  ['ks_c_5601', 'euc-kr'],
  ['cp950', 'big5'],
  ['ansi_x3.4-1968', 'windows-1252'],
]);

/** Decoders by label; null for a label that no decoder serves. The labels that are kept are bounded. */
const decoders = /* @__PURE__ */ new Map<string, Decoder | null>();
const MAX_LABELS = 200;

type Decoder = InstanceType<typeof TextDecoder>;

function findDecoder(label: string): Decoder | null {
  const key = label.toLowerCase();
  const known = decoders.get(key);
  if (known !== undefined) return known;
  let decoder: Decoder | null = null;
  try {
    decoder = new TextDecoder(ALIASES.get(key) ?? key, { ignoreBOM: true });
  } catch {
    // RangeError: the platform has no such charset
  }
  if (decoders.size < MAX_LABELS) decoders.set(key, decoder);
  return decoder;
}

/** True when the platform decodes this charset label. */
export function isKnownCharset(label: string): boolean {
  return findDecoder(label) !== null;
}

/** The text of octets in a charset; undefined for a charset that the platform does not know. */
export function decodeCharset(octets: Uint8Array, label: string): string | undefined {
  return findDecoder(label)?.decode(octets);
}

const strictUtf8 = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of octets without a charset label: UTF-8 where they are that, else windows-1252, which is never wrong. */
export function decodeUnlabelled(octets: Uint8Array): string {
  try {
    return strictUtf8.decode(octets);
  } catch {
    return findDecoder('windows-1252')!.decode(octets);
  }
}

/** True for octets that are UTF-8, ASCII included. */
export function isUtf8(octets: Uint8Array): boolean {
  try {
    strictUtf8.decode(octets);
    return true;
  } catch {
    return false;
  }
}
