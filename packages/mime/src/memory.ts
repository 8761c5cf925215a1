/** The part of Node's Buffer that is used; other runtimes may not have it. */
interface Runtime {
  readonly Buffer?: {
    allocUnsafeSlow(length: number): Uint8Array;
    from(octets: Uint8Array): Uint8Array;
  };
}

/** Allocates an array that the caller must fill; where the runtime allows it, it is not filled with zeros. */
export function unfilledArray(length: number): Uint8Array {
  return plainArray((globalThis as Runtime).Buffer?.allocUnsafeSlow(length) ?? new Uint8Array(length));
}

/**
 * Copies octets, for use in this package only: a small copy may share a pool of the runtime with others, which saves
 * about a microsecond.
 */
export function pooledCopy(octets: Uint8Array): Uint8Array {
  return plainArray((globalThis as Runtime).Buffer?.from(octets) ?? octets.slice());
}

function plainArray({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
