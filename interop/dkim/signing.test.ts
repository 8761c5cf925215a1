import { createSigner, type SignOptions, verifyMessage } from '@mb/dkim';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Peer, preparePeers } from './peer.ts';
import { inRandomChunks, makeUglyMessage, type UglyMessage } from './ugly-message.ts';
import { type PublishedKeys, publishKeys } from './zone.ts';

/** Each message is signed in 12 ways. MB_DKIM_MESSAGES=2000 for a night. */
const messageCount = Number(process.env.MB_DKIM_MESSAGES ?? 500);
const canonicalizations = ['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'] as const;
const now = () => 1_795_000_000_000;

let peers: Peer[];
let keys: PublishedKeys;

beforeAll(async () => {
  peers = await preparePeers();
  keys = await publishKeys();
}, 300_000);

interface SignedMessage {
  readonly ugly: UglyMessage;
  readonly octets: Buffer;
}

/** Signs all messages, each also in chunks, which must give the same. */
async function signAll(
  selectors: readonly ('rsa' | 'ed')[],
  settings: Partial<SignOptions>,
): Promise<SignedMessage[]> {
  const options = selectors.map(
    (selector) =>
      ({
        domain: 'example.com',
        selector,
        privateKey: keys[selector].privateKey,
        now,
        ...settings,
      }) as SignOptions,
  );
  const signer = createSigner(options);
  const signed: SignedMessage[] = [];
  for (let seed = 1; seed <= messageCount; seed++) {
    const ugly = makeUglyMessage(seed);
    const fields = await signer.sign(ugly.octets);
    expect(await signer.sign(inRandomChunks(ugly.octets, seed)), `seed ${seed} in chunks`).toBe(fields);
    signed.push({ ugly, octets: Buffer.concat([Buffer.from(fields, 'latin1'), ugly.wire]) });
  }
  return signed;
}

async function expectVerified(signed: readonly SignedMessage[], withEd25519: boolean): Promise<void> {
  for (const peer of peers) {
    if (withEd25519 && !peer.ed25519) continue;
    const readable = signed.filter(({ ugly }) => peer.reads(ugly));
    const verdicts = await peer.verify(
      readable.map(({ octets }) => octets),
      keys.zone,
    );
    const failures = readable.flatMap(({ ugly }, index) =>
      verdicts[index] === 'pass' ? [] : [`seed ${ugly.seed}: ${verdicts[index]}`],
    );
    expect(failures, peer.name).toEqual([]);
    expect(verdicts.length).toBe(readable.length);
  }
}

describe('what we sign', () => {
  for (const canonicalization of canonicalizations) {
    it(`DKIM-04 DKIM-06 DKIM-10 verifies elsewhere, ${canonicalization}`, async () => {
      for (const selectors of [['rsa'], ['ed'], ['rsa', 'ed']] as const) {
        await expectVerified(
          await signAll(selectors, { canonicalization }),
          selectors.some((one) => one === 'ed'),
        );
      }
    }, 600_000);
  }

  it('DKIM-12 DKIM-14 verifies elsewhere with an identity, an expiry, copies, and without oversigning', async () => {
    const settings = {
      identity: 'a=b;c@sub.example.com',
      expiresAfterSeconds: 10_000_000_000,
      queryMethod: 'dns/txt',
      copyHeaders: ['subject', 'to'],
      oversign: [],
    } as const;
    await expectVerified(await signAll(['rsa'], settings), false);
  }, 600_000);

  it('DKIM-23 neither we nor they verify it when an octet of its body was changed', async () => {
    const signed = await signAll(['rsa'], { canonicalization: 'simple/simple' });
    const changed = signed
      .filter(({ ugly, octets }) => ugly.obsolete === 'none' && octets.includes('a line of words'))
      .map(({ ugly, octets }) => {
        const copy = Buffer.from(octets);
        copy[copy.lastIndexOf('a line of words')]! ^= 2;
        return { ugly, octets: copy };
      });
    expect(changed.length).toBeGreaterThan(messageCount / 12);
    for (const peer of peers) {
      const verdicts = await peer.verify(
        changed.map(({ octets }) => octets),
        keys.zone,
      );
      expect(
        verdicts.filter((verdict) => verdict === 'pass'),
        peer.name,
      ).toEqual([]);
    }
    for (const { octets } of changed) {
      expect(await verifyMessage(octets, { resolveTxt: keys.resolveTxt })).toMatchObject({
        status: 'fail',
        reason: 'body-hash-mismatch',
      });
    }
  }, 600_000);
});
