/** Octets at hand, or octets that can be read again and again. */
export type Octets = Uint8Array | AsyncIterable<Uint8Array>;
