import { createSigner, type DkimSigner, type SignOptions } from '@mb/dkim';
import { domainToAscii } from '@mb/mime';
import { BrokerError } from './errors.ts';

/**
 * The DKIM keys of all sender domains, each parsed once.
 *
 * @example
 * const keyring = createKeyring([{ domain: 'example.com', selector: 's1', privateKey: pem }]);
 * const fields = await keyring.signerFor('news.example.com')?.sign(octets);
 */
export interface Keyring {
  /**
   * The signer for messages whose From has this domain; undefined when no key was configured at all.
   *
   * @throws {BrokerError} MB_BROKER_NO_SIGNING_KEY: there are keys, but none that DMARC would align with it.
   */
  signerFor(fromDomain: string): DkimSigner | undefined;
}

/**
 * Parses the keys; those of one domain all sign, side by side (an RSA and an Ed25519 key, for example).
 *
 * @throws {DkimError} for a key that cannot sign.
 */
export function createKeyring(options: SignOptions | readonly SignOptions[] | undefined): Keyring {
  const list = options === undefined ? [] : Array.isArray(options) ? options : [options];
  const byDomain = new Map<string, SignOptions[]>();
  for (const option of list) {
    const domain = domainToAscii(option.domain);
    byDomain.set(domain, [...(byDomain.get(domain) ?? []), option]);
  }
  const signers = new Map([...byDomain].map(([domain, keys]) => [domain, createSigner(keys)] as const));

  return {
    signerFor(fromDomain) {
      if (signers.size === 0) return undefined;
      const domain = domainToAscii(fromDomain);
      // RFC 7489 §3.1.1: the signing domain is that of From or, relaxed, one above it; the nearest is the strictest.
      for (let name = domain; ; name = name.slice(name.indexOf('.') + 1)) {
        const signer = signers.get(name);
        if (signer) return signer;
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
