import {
  checkPublishedKey,
  createSigner,
  type DkimSigner,
  type SelectorKey,
  type SignOptions,
} from '@mb/dkim';
import { type Resolver, toNodeDns } from '@mb/dns';
import { domainToAscii } from '@mb/mime';
import { BrokerError } from '../errors.ts';

/**
 * What is done about a key whose public half is not published as it should be, which makes every signature fail.
 *
 * - `warn`: checked once, when the key is first used, beside the delivery; said as a process warning. The default.
 * - `refuse`: every signature is verified against the published record before the message goes out; a message that
 *   would fail is not sent (DkimError MB_DKIM_SELF_CHECK_MISMATCH; MB_DKIM_SELF_CHECK_DNS while DNS does not answer).
 * - `off`: not checked.
 */
export type KeyCheck = 'warn' | 'refuse' | 'off';

/** The DKIM keys of all sender domains, each parsed once. */
export interface Keyring {
  /**
   * The signer for messages whose From has this domain; undefined when no key was configured at all.
   *
   * @throws {BrokerError} MB_BROKER_NO_SIGNING_KEY: there are keys, but none that DMARC would align with it.
   */
  signerFor(fromDomain: string): DkimSigner | undefined;
}

/** What a keyring takes from its broker. */
export interface KeyringOptions {
  readonly check: KeyCheck;
  readonly resolver: Resolver;
  /** Told of keys that are not published as they should be. */
  readonly onWarning: (warning: string) => void;
}

/**
 * Parses the keys; those of one domain all sign, side by side (an RSA and an Ed25519 key, for example).
 *
 * @throws {DkimError} for a key that cannot sign.
 */
export function createKeyring(
  given: SignOptions | readonly SignOptions[] | undefined,
  { check, resolver, onWarning }: KeyringOptions,
): Keyring {
  const list = given === undefined ? [] : Array.isArray(given) ? given : [given];
  const resolveTxt = (name: string) => toNodeDns(resolver).resolveTxt(name);
  const byDomain = new Map<string, SignOptions[]>();
  for (const option of list as readonly SignOptions[]) {
    const domain = domainToAscii(option.domain);
    // A value that is undefined counts as not given: it must not switch the check off.
    const { selfCheck = { resolveTxt } } = option;
    const checked = check === 'refuse' ? { ...option, selfCheck } : option;
    byDomain.set(domain, [...(byDomain.get(domain) ?? []), checked]);
  }
  const signers = new Map([...byDomain].map(([domain, keys]) => [domain, createSigner(keys)] as const));
  const unchecked = new Set(check === 'warn' ? signers.keys() : []);

  /** Beside the delivery: a slow look-up delays nobody's mail. */
  function checkOnce(domain: string): void {
    if (!unchecked.delete(domain)) return;
    for (const option of byDomain.get(domain)!) {
      for (const key of keysInUse(option)) {
        const { selector, privateKey, passphrase } = key;
        checkPublishedKey({
          domain,
          selector,
          privateKey,
          ...(passphrase !== undefined && { passphrase }),
          resolveTxt,
        })
          .then(({ status, dnsName, detail }) => {
            if (status !== 'match' && status !== 'unknown') onWarning(`DKIM key ${dnsName}: ${detail}`);
          })
          .catch(() => {});
      }
    }
  }

  return {
    signerFor(fromDomain) {
      if (signers.size === 0) return undefined;
      const domain = domainToAscii(fromDomain);
      // RFC 7489 §3.1.1: the signing domain is that of From or, relaxed, one above it; the nearest is the strictest.
      for (let name = domain; ; name = name.slice(name.indexOf('.') + 1)) {
        const signer = signers.get(name);
        if (signer) {
          checkOnce(name);
          return signer;
        }
        if (!name.includes('.')) break;
      }
      throw new BrokerError(
        'MB_BROKER_NO_SIGNING_KEY',
        'api-misuse',
        `There is no DKIM key for ${domain}, the domain of From; add one to the dkim option, or send from one of: ${[...signers.keys()].join(', ')}.`,
      );
    },
  };
}

function keysInUse(option: SignOptions): readonly SelectorKey[] {
  const now = (option.now ?? Date.now)();
  const keys = option.keys ?? [option];
  return keys.filter(({ validFrom = 0, validUntil = Number.POSITIVE_INFINITY }) => {
    return Number(validFrom) <= now && now < Number(validUntil);
  });
}
