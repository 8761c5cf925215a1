/** The part of Node's Buffer that this package uses. The build of `@mb/dkim/web` replaces node:buffer by it. */
class Octets extends Uint8Array {
  equals(other: Uint8Array): boolean {
    return this.length === other.length && this.every((octet, at) => octet === other[at]);
  }

  override toString(encoding = 'utf8', start = 0, end = this.length): string {
    const octets = this.subarray(start, end);
    if (encoding === 'utf8') return new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets);
    const text = latin1(octets);
    return encoding === 'base64' ? btoa(text) : text;
  }
}

/** A Uint8Array with the methods of Buffer. */
export type Buffer = Octets;

/** The static methods of Buffer. */
export const Buffer = {
  from(
    source: string | ArrayBufferLike | ArrayLike<number>,
    encodingOrOffset?: string | number,
    length?: number,
  ) {
    if (typeof source === 'string') return encode(source, encodingOrOffset as string | undefined);
    if ('byteLength' in source && !ArrayBuffer.isView(source))
      return new Octets(source as ArrayBuffer, encodingOrOffset as number | undefined, length);
    return new Octets(source as ArrayLike<number>);
  },

  alloc: (length: number) => new Octets(length),
  allocUnsafe: (length: number) => new Octets(length),
  allocUnsafeSlow: (length: number) => new Octets(length),

  concat(parts: readonly Uint8Array[]) {
    const out = new Octets(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  },
};

function encode(text: string, encoding = 'utf8'): Octets {
  switch (encoding) {
    case 'latin1':
      return octetsOf(text);
    case 'base64':
      return octetsOf(atob(text));
    case 'hex':
      return octetsOf(text.replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16))));
    default:
      return new Octets(new TextEncoder().encode(text));
  }
}

function octetsOf(text: string): Octets {
  const octets = new Octets(text.length);
  for (let at = 0; at < text.length; at++) octets[at] = text.charCodeAt(at);
  return octets;
}

/** Converts octets in pieces, since the number of arguments of a call is limited. */
function latin1(octets: Uint8Array): string {
  let text = '';
  for (let at = 0; at < octets.length; at += 8192)
    text += String.fromCharCode(...octets.subarray(at, at + 8192));
  return text;
}
