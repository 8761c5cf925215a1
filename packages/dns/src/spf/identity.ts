import { isIP } from 'node:net';
import { normalizeDomain } from '../domain.ts';

/** The identity to check. */
export interface SpfIdentity {
  readonly localPart: string;
  /** Undefined when the text after the `@` is not a domain that can have a record. */
  readonly domain: string | undefined;
  /** As written. */
  readonly written: string;
}

/**
 * Reads the identity from a reverse-path. The null reverse-path means postmaster at the HELO name (RFC 7208 §2.4), and an
 * empty local part means postmaster (§4.3).
 */
export function readIdentity(sender: string, helo: string): SpfIdentity {
  const at = sender.lastIndexOf('@');
  const written = sender === '' ? helo : sender.slice(at + 1);
  const localPart = at > 0 ? sender.slice(0, at) : 'postmaster';
  return { localPart, domain: checkableDomain(written), written };
}

/** RFC 7208 §4.3: the normalized domain; undefined for a malformed name, a single label or an address. */
export function checkableDomain(text: string): string | undefined {
  const name = normalizeDomain(text);
  if (name === undefined || !name.includes('.') || name === '.' || text.startsWith('[') || isIP(name))
    return undefined;
  return name;
}
