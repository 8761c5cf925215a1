import { hash, sign, verify } from 'node:crypto';
import { verifyMessage } from '@mb/dkim';
import type { Contender, Field } from '../harness/row.ts';
import { type PublishedKey, publishKey } from './key.ts';
import { signWithMailauth, verifyWithMailauth } from './mailauth.ts';
import type { RawMessage } from './messages.ts';

/** Verifies a message with one RSA signature; the limit hashes the body and checks one signature. */
export async function verifyField(message: RawMessage): Promise<Field> {
  const key = publishKey('rsa');
  const signature = await signWithMailauth(message.octets, key);
  const signed = Buffer.concat([Buffer.from(signature), message.octets]);
  const tampered = Buffer.from(signed);
  tampered[tampered.length - 10]! ^= 1;
  const contender = (
    name: string,
    role: 'ours' | 'peer',
    verdictOn: (message: Buffer) => Promise<string>,
    packageName?: string,
  ): Contender => ({
    name,
    role,
    ...(packageName === undefined ? {} : { package: packageName }),
    run: () => verdictOn(signed),
    check: async (verdict) => {
      if (verdict !== 'pass') return `the verdict is ${verdict}`;
      return (await verdictOn(tampered)) === 'pass' ? 'accepts a message with a changed body' : undefined;
    },
  });
  return {
    contenders: [
      contender('@mb/dkim', 'ours', (octets) => verifyWithOurs(octets, key)),
      contender('mailauth', 'peer', (octets) => verifyWithMailauth(octets, key), 'mailauth'),
      limit(message, key),
    ],
  };
}

async function verifyWithOurs(message: Buffer, key: PublishedKey): Promise<string> {
  const { signatures } = await verifyMessage(message, { resolveTxt: async () => [[key.record]] });
  return signatures[0]?.status ?? 'no signature';
}

function limit(message: RawMessage, key: PublishedKey): Contender {
  const header = message.octets.subarray(0, message.octets.length - message.body.length);
  const signature = sign('sha256', header, key.privateKey);
  return {
    name: 'SHA-256 + verify',
    role: 'limit',
    run: () => {
      hash('sha256', message.body, 'base64');
      return verify('sha256', header, key.publicKey, signature);
    },
    check: (valid) => (valid === true ? undefined : 'a right signature does not verify'),
  };
}
