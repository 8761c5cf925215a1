import { generateKeyPair, type KeyPair, type ResolveTxt } from '@mb/dkim';
import type { Zone } from './peer.ts';

/** The keys of a suite, and where they are published. */
export interface PublishedKeys {
  readonly rsa: KeyPair;
  readonly ed: KeyPair;
  readonly zone: Zone;
  readonly resolveTxt: ResolveTxt;
}

/** Makes an RSA key at selector `rsa` and an Ed25519 key at selector `ed` of example.com. */
export async function publishKeys(): Promise<PublishedKeys> {
  const rsa = await generateKeyPair({ domain: 'example.com', selector: 'rsa' });
  const ed = await generateKeyPair({ domain: 'example.com', selector: 'ed', algorithm: 'ed25519-sha256' });
  const zone: Zone = Object.fromEntries([rsa, ed].map((pair) => [pair.dnsName, pair.dnsRecord]));
  const resolveTxt: ResolveTxt = async (name) => {
    const record = zone[name];
    if (record === undefined) throw Object.assign(new Error(`query TXT ${name}`), { code: 'ENOTFOUND' });
    return [[record]];
  };
  return { rsa, ed, zone, resolveTxt };
}
