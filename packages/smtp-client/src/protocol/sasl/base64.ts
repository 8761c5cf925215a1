/** Base64 of the few octets of a SASL exchange (RFC 4648 §4). */
export function encodeBase64(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets));
}

/** The octets of a SASL challenge, or undefined when it is not base64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(trimmed) || trimmed.length % 4 === 1) return undefined;
  return Uint8Array.from(atob(trimmed), (character) => character.charCodeAt(0));
}
