/** Octets as lower-case hexadecimal digits. */
export function toHex(octets: Uint8Array): string {
  let out = '';
  for (const octet of octets) out += octet.toString(16).padStart(2, '0');
  return out;
}
