/** Encodes the octets of a SASL response in base64 (RFC 4648 §4). */
export function encodeBase64(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets));
}

/** Decodes a SASL challenge; undefined when it is not base64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(trimmed) || trimmed.length % 4 === 1) return undefined;
  return Uint8Array.from(atob(trimmed), (character) => character.charCodeAt(0));
}
