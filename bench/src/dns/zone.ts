/** The domain that the bench's own DNS server knows. */
export const DOMAIN = 'example.test';

/** Name of the n-th host. */
export function hostName(index: number): string {
  return `host-${index}.${DOMAIN}`;
}

/** Address of a host, in the 198.18.0.0/15 that RFC 2544 keeps for benchmarks; undefined for any other name. */
export function addressOf(name: string): string | undefined {
  const match = /^host-(\d{1,6})\.example\.test$/.exec(name.toLowerCase());
  if (match === null) return undefined;
  const index = Number(match[1]);
  return `198.${18 + ((index >> 16) & 1)}.${(index >> 8) & 255}.${index & 255}`;
}
