import { isIP } from 'node:net';
import { normalizeDomain } from '../domain.ts';

/** Whose mail it says it is. */
export interface SpfIdentity {
  readonly localPart: string;
  /** Undefined when the text after the `@` cannot be a domain with a record. */
  readonly domain: string | undefined;
  /** As written. */
  readonly written: string;
}

/**
 * Takes the identity out of a reverse-path; a null one means postmaster at the HELO name
 * (RFC 7208 §2.4), and so does an empty local part for postmaster (§4.3).
 */
export function readIdentity(sender: string, helo: string): SpfIdentity {
  const at = sender.lastIndexOf('@');
  const written = sender === '' ? helo : sender.slice(at + 1);
  const localPart = at > 0 ? sender.slice(0, at) : 'postmaster';
  return { localPart, domain: checkableDomain(written), written };
}

/** RFC 7208 §4.3: a name that is malformed, a single label or an address has no record. */
export function checkableDomain(text: string): string | undefined {
  const name = normalizeDomain(text);
  if (name === undefined || !name.includes('.') || name === '.' || text.startsWith('[') || isIP(name))
    return undefined;
  return name;
}
