const identities = new WeakMap<object, number>();
let identityCount = 0;

/**
 * A replacer for `JSON.stringify()` that tells functions apart by identity: two sources of credentials are never taken
 * for the same.
 */
export function byIdentity(_name: string, value: unknown): unknown {
  if (typeof value !== 'function') return value;
  const identity = identities.get(value) ?? ++identityCount;
  identities.set(value, identity);
  return `function ${identity}`;
}
