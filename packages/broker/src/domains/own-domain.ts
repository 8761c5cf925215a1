import { isIP } from 'node:net';
import { normalizeDomain } from '@mb/dns';
import { isPublicSuffix } from '@mb/dns/public-suffix';
import { BrokerError } from '../errors.ts';

/** Names that mail cannot be sent from (RFC 6761, 6762, 7686, 8375). `.test` may be used, in tests. */
const specialNames = ['localhost', 'local', 'invalid', 'onion', 'arpa', 'internal'];
/** RFC 1123 §2.1. */
const hostLabel = /^(?!-)[a-z0-9-]+(?<!-)$/;
/** Room for a selector and `._domainkey.` in front (RFC 1035 §2.3.4: 253 characters in all). */
const maxLength = 180;

/**
 * A domain that mail can be sent from, in A-labels and lower case.
 *
 * @throws {BrokerError} MB_BROKER_DOMAIN for anything that is not a domain, an address, a single label, a name that
 *   cannot be registered and a public suffix, below which anyone may register.
 * @example readOwnDomain('Bücher.example') // 'xn--bcher-kva.example'
 */
export function readOwnDomain(text: string): string {
  const domain = typeof text === 'string' ? normalizeDomain(text) : undefined;
  const shown =
    typeof text === 'string' ? JSON.stringify(text.slice(0, 80)) : `a value of type ${typeof text}`;
  if (domain === undefined || !domain.split('.').every((label) => hostLabel.test(label))) {
    throw refused(`${shown} is not a domain.`);
  }
  if (isIP(domain) !== 0 || /(?:^|\.)\d+$/.test(domain)) {
    throw refused(`${shown} is an address. Name the domain of the From field.`);
  }
  if (!domain.includes('.')) throw refused(`${shown} has a single label. Name a domain such as example.com.`);
  if (domain.length > maxLength) {
    throw refused(`${shown} is too long: with a selector, a domain may have ${maxLength} characters.`);
  }
  const special = specialNames.find((name) => domain === name || domain.endsWith(`.${name}`));
  if (special !== undefined) throw refused(`${shown} is not in the public DNS: .${special} is reserved.`);
  if (isPublicSuffix(domain)) {
    throw refused(
      `${shown} is a public suffix, below which everyone may register names. Give your own domain.`,
    );
  }
  return domain;
}

/** The domain and those above it, the nearest first. */
export function* withAncestors(domain: string): Generator<string, void, undefined> {
  for (let name = domain; ; name = name.slice(name.indexOf('.') + 1)) {
    yield name;
    if (!name.includes('.')) return;
  }
}

function refused(message: string): BrokerError {
  return new BrokerError('MB_BROKER_DOMAIN', 'invalid-input', message, { field: 'domain' });
}
