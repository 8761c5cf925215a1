import { createPrivateKey, createPublicKey, randomInt } from 'node:crypto';
import { createSigner, type DkimAlgorithm } from '@mb/dkim';
import { BrokerError } from '../errors.ts';
import type { StoredDomain, StoredDomainKey } from './domain-record.ts';
import { type AskAuthoritative, lookAtKey } from './key-sighting.ts';
import type { KeySet } from './key-state.ts';
import type { KeyVault } from './key-vault.ts';

/** A key that a domain has already, under a selector of its own. */
export interface ImportedKey {
  readonly selector: string;
  /** Private key in PEM, not encrypted. */
  readonly privateKey: string;
}

const algorithmNames: Readonly<Record<DkimAlgorithm, string>> = {
  'rsa-sha256': 'rsa',
  'ed25519-sha256': 'ed',
};

/** A new set of keys for a domain, with selectors that it never had, so that no cache has their names. */
export async function makeKeySet(
  domain: string,
  number: number,
  algorithms: readonly DkimAlgorithm[],
  vault: KeyVault,
  now: number,
): Promise<KeySet<StoredDomainKey>> {
  const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
  const mark = randomInt(36 ** 4)
    .toString(36)
    .padStart(4, '0');
  const keys = await Promise.all(
    algorithms.map(async (algorithm) => {
      const selector = `mb${day}-${mark}-${algorithmNames[algorithm]}`;
      return { selector, algorithm, ...(await vault.create({ domain, selector, algorithm })) };
    }),
  );
  return { number, state: 'next', since: now, keys };
}

/**
 * A set of keys that exist already. Records under their selectors, if there are any, must be those of these keys.
 *
 * @throws {BrokerError} MB_BROKER_DOMAIN_KEY; DkimError MB_DKIM_KEY_…
 */
export async function importKeySet(
  domain: string,
  given: readonly ImportedKey[],
  vault: KeyVault,
  now: number,
  ask: AskAuthoritative,
): Promise<KeySet<StoredDomainKey>> {
  const { keep } = vault;
  if (!keep) throw keyError('The key vault keeps no keys that were made elsewhere; let it make new ones.');
  // RFC 4343: names are the same in upper and lower case.
  if (new Set(given.map(({ selector }) => selector.toLowerCase())).size < given.length) {
    throw keyError('Two keys have the same selector.');
  }
  // Refuses what cannot sign, before the vault keeps any of them.
  for (const { selector, privateKey } of given) createSigner([{ domain, selector, privateKey }]);
  const read = given.map(({ selector, privateKey }) => {
    const key = createPrivateKey(privateKey);
    const algorithm: DkimAlgorithm = key.asymmetricKeyType === 'rsa' ? 'rsa-sha256' : 'ed25519-sha256';
    const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string;
    return { selector, algorithm, publicKey, privateKey };
  });
  await Promise.all(read.map((key) => refuseOtherRecord(domain, key, ask)));
  const keys = await Promise.all(
    read.map(async ({ privateKey, ...key }) => {
      const { selector, algorithm } = key;
      return { ...key, handle: await keep.call(vault, privateKey, { domain, selector, algorithm }) };
    }),
  );
  return { number: 1, state: 'next', since: now, keys };
}

/** Refuses a key whose selector has the record of another key, or several records: its signatures would not verify. */
async function refuseOtherRecord(
  domain: string,
  key: Parameters<typeof lookAtKey>[1],
  ask: AskAuthoritative,
): Promise<void> {
  const { seen, detail } = await lookAtKey(domain, key, ask);
  if (seen !== 'different' && seen !== 'contradictory') return;
  throw keyError(
    `The key does not match what is published as ${key.selector}._domainkey.${domain}: ${detail} Give the key of that record, or another selector.`,
  );
}

/** The domain with another set of keys in line. @throws {BrokerError} MB_BROKER_DOMAIN_KEY while a rotation is under way */
export function withNextSet(stored: StoredDomain, set: KeySet<StoredDomainKey>): StoredDomain {
  requireNoRotation(stored);
  const number = 1 + Math.max(0, ...stored.sets.map((one) => one.number));
  return { ...stored, sets: [...stored.sets, { ...set, number }] };
}

/** @throws {BrokerError} MB_BROKER_DOMAIN_KEY */
export function requireNoRotation({ sets }: StoredDomain): void {
  const pending = sets.find(({ state }) => state === 'next' || state === 'published');
  if (!pending) return;
  const selectors = pending.keys.map(({ selector }) => selector).join(' and ');
  throw keyError(`A rotation is under way: publish ${selectors}, or remove these keys first.`);
}

/**
 * The domain without the set that a key is in.
 *
 * @param force  Also a set that is retiring, as after a key was stolen: mail on its way may then fail to verify.
 * @throws {BrokerError} MB_BROKER_DOMAIN_KEY for an active set, and for one that mail on its way needs;
 *   MB_BROKER_NOT_FOUND
 */
export function withoutKey(stored: StoredDomain, selector: string, force: boolean): StoredDomain {
  const set = stored.sets.find(({ keys }) => keys.some((key) => key.selector === selector));
  if (!set) {
    const message = `There is no key ${JSON.stringify(String(selector).slice(0, 80))}.`;
    throw new BrokerError('MB_BROKER_NOT_FOUND', 'invalid-input', message);
  }
  if (set.state === 'active')
    throw keyError('An active key signs; rotate first, and remove it when it is retiring.');
  if (set.state === 'retiring' && !force) {
    const until = new Date(set.keepUntil ?? 0).toISOString();
    throw keyError(
      `Mail that this key signed may be on its way until ${until}; remove it then, or by force.`,
    );
  }
  return { ...stored, sets: stored.sets.filter((one) => one !== set) };
}

/** @internal */
export function keyError(message: string): BrokerError {
  return new BrokerError('MB_BROKER_DOMAIN_KEY', 'invalid-input', message);
}
