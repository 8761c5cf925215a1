import { verifyMessage } from '@mb/dkim';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Peer, preparePeers } from './peer.ts';
import { inRandomChunks, makeUglyMessage } from './ugly-message.ts';
import { type PublishedKeys, publishKeys } from './zone.ts';

const messageCount = Number(process.env.MB_DKIM_MESSAGES ?? 500);

let peers: Peer[];
let keys: PublishedKeys;

beforeAll(async () => {
  peers = await preparePeers();
  keys = await publishKeys();
}, 300_000);

describe('what others sign', () => {
  it.each(['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'])(
    'DKIM-04 DKIM-05 verifies here, %s',
    async (canonicalization) => {
      const { resolveTxt } = keys;
      for (const peer of peers) {
        const messages = Array.from({ length: messageCount }, (_, index) =>
          makeUglyMessage(index + 1),
        ).filter((message) => peer.reads(message));
        const wire = messages.map((message) => message.wire);
        const signing = {
          domain: 'example.com',
          selector: 'rsa',
          key: keys.rsa.privateKey,
          canonicalization,
        };
        const fields = await peer.sign(wire, signing);
        for (const [index, field] of fields.entries()) {
          expect(field, `${peer.name} signs seed ${messages[index]!.seed}`).toMatch(/^DKIM-Signature:/i);
          const signed = Buffer.concat([Buffer.from(field, 'latin1'), wire[index]!]);
          const { signatures } = await verifyMessage(signed, { resolveTxt });
          expect(
            signatures.map((one) => one.reason),
            `${peer.name}, seed ${messages[index]!.seed}`,
          ).toEqual(['verified']);
          const streamed = await verifyMessage(inRandomChunks(signed, index), { resolveTxt });
          expect(streamed.status).toBe('pass');
        }
      }
    },
    600_000,
  );
});
