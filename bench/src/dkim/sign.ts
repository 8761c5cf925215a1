import { hash, sign } from 'node:crypto';
import { createSigner } from '@mb/dkim';
import { DKIMSign } from 'dkim-signer';
import NodemailerDkim from 'nodemailer/lib/dkim';
import type { Contender, Field } from '../harness/row.ts';
import { type PublishedKey, publishKey } from './key.ts';
import { signWithMailauth, verifyWithMailauth } from './mailauth.ts';
import type { RawMessage } from './messages.ts';

/** Signs a message with one key; the limit hashes the body and makes one signature with a parsed key. */
export function signField(algorithm: 'rsa' | 'ed25519', message: RawMessage): Field {
  const key = publishKey(algorithm);
  const contenders: Contender[] = [
    ours(message, key),
    mailauth(message, key),
    nodemailer(message, key),
    limit(message, key),
  ];
  if (algorithm === 'rsa') contenders.splice(3, 0, dkimSigner(message, key));
  const absent = algorithm === 'rsa' ? [] : [{ name: 'dkim-signer', reason: 'signs with RSA only' }];
  return { contenders, absent };
}

function ours(message: RawMessage, key: PublishedKey): Contender {
  const signer = createSigner({ domain: key.domain, selector: key.selector, privateKey: key.pem });
  return {
    name: '@mb/dkim',
    role: 'ours',
    run: () => signer.sign(message.octets),
    check: (fields) => checkSigned(fields as string, message, key),
  };
}

function mailauth(message: RawMessage, key: PublishedKey): Contender {
  return {
    name: 'mailauth',
    role: 'peer',
    package: 'mailauth',
    run: () => signWithMailauth(message.octets, key),
    check: (fields) => checkSigned(fields as string, message, key),
  };
}

/** nodemailer's signer puts out the whole message, signature first; the task is done when all of it has come. */
function nodemailer(message: RawMessage, key: PublishedKey): Contender {
  const signer = new NodemailerDkim({
    domainName: key.domain,
    keySelector: key.selector,
    privateKey: key.pem,
  });
  return {
    name: 'nodemailer',
    role: 'peer',
    package: 'nodemailer',
    run: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of signer.sign(message.octets)) chunks.push(chunk as Buffer);
      return chunks;
    },
    check: (chunks) => checkVerdict(Buffer.concat(chunks as Buffer[]), key),
  };
}

function dkimSigner(message: RawMessage, key: PublishedKey): Contender {
  const options = { domainName: key.domain, keySelector: key.selector, privateKey: key.pem };
  return {
    name: 'dkim-signer',
    role: 'peer',
    package: 'dkim-signer',
    run: () => DKIMSign(message.octets, options),
    check: (field) => checkSigned(`${field as string}\r\n`, message, key),
  };
}

function limit(message: RawMessage, key: PublishedKey): Contender {
  const digest = key.algorithm === 'rsa' ? 'sha256' : null;
  // Ed25519 signs the hash of the header fields (RFC 8463 §3).
  const header = message.octets.subarray(0, message.octets.length - message.body.length);
  return {
    name: 'SHA-256 + sign',
    role: 'limit',
    run: () => {
      hash('sha256', message.body, 'base64');
      return sign(digest, digest === null ? hash('sha256', header, 'buffer') : header, key.privateKey);
    },
    check: (signature) => ((signature as Buffer).length >= 64 ? undefined : 'no signature'),
  };
}

function checkSigned(fields: string, message: RawMessage, key: PublishedKey): Promise<string | undefined> {
  return checkVerdict(Buffer.concat([Buffer.from(fields, 'latin1'), message.octets]), key);
}

async function checkVerdict(signed: Buffer, key: PublishedKey): Promise<string | undefined> {
  const verdict = await verifyWithMailauth(signed, key);
  return verdict === 'pass' ? undefined : `verifies as ${verdict}`;
}
