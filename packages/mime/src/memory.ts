/** The part of Node's Buffer used here; other runtimes may lack it. */
interface Runtime {
  readonly Buffer?: {
    allocUnsafeSlow(length: number): Uint8Array;
    from(octets: Uint8Array): Uint8Array;
  };
}

/** An array that is about to be filled wholly: where the runtime can, it is not filled with zeros first. */
export function unfilledArray(length: number): Uint8Array {
  return plainArray((globalThis as Runtime).Buffer?.allocUnsafeSlow(length) ?? new Uint8Array(length));
}

/** A copy for use in this package. A small one lies in a pool of the runtime, which takes a microsecond less. */
export function pooledCopy(octets: Uint8Array): Uint8Array {
  return plainArray((globalThis as Runtime).Buffer?.from(octets) ?? octets.slice());
}

function plainArray({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
