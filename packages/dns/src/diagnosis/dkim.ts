import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { isTemporary } from '../resolver.ts';
import { parseTagList } from '../tag-list.ts';
import type { DiagnosisContext, DkimSelector } from './context.ts';
import type { Finding } from './finding.ts';

/** RFC 8301 §3.2: verifiers refuse keys of less than 1024 bits; signers should use 2048. */
const leastRsaBits = 1024;
const goodRsaBits = 2048;

/** Checks whether the key of a selector is published, usable, and the one that signs. */
// Long because each branch is one finding, with its evidence and fix.
export async function checkDkim(selector: DkimSelector, context: DiagnosisContext): Promise<Finding> {
  const name = `${selector.selector}._domainkey.${context.domain}`;
  const answer = await context.resolver.query(name, 'TXT', { signal: context.signal });
  const base = { check: 'dkim', subject: name } as const;
  const ownKey = readPrivateKey(selector.privateKey);
  if (ownKey === 'unreadable') {
    return {
      ...base,
      severity: 'error',
      message: `The private key of selector ${selector.selector} cannot be read.`,
      evidence: [],
      fix: 'Give an unencrypted RSA or Ed25519 private key in PEM.',
    };
  }
  const publish =
    ownKey === undefined ? {} : { publish: { name, type: 'TXT', value: formatKeyRecord(ownKey) } as const };
  if (isTemporary(answer)) {
    return {
      ...base,
      severity: 'warning',
      message: answer.reason,
      evidence: [],
      fix: 'Ask again; if it stays, repair the DNS servers of the domain.',
    };
  }
  const texts = answer.records.map((segments) => segments.join(''));
  const [text] = texts;
  const evidence =
    texts.length === 0 ? [`${name} TXT (none)`] : texts.map((record) => `${name} TXT ${record}`);
  const problem = (message: string, fix: string): Finding => ({
    ...base,
    severity: 'error',
    message,
    evidence,
    fix,
    ...publish,
  });
  if (text === undefined)
    return problem(
      `No DKIM key is published for selector ${selector.selector}.`,
      `Publish the public key as a TXT record at ${name}.`,
    );
  // RFC 6376 §3.6.2.2: with several records the outcome is undefined.
  if (texts.length > 1)
    return problem(
      `There are ${texts.length} TXT records for selector ${selector.selector}.`,
      'Keep only the record with the key.',
    );
  const published = readKeyRecord(text);
  if ('problem' in published)
    return problem(
      `Selector ${selector.selector}: ${published.problem}`,
      'Publish the record exactly as it was generated for the key.',
    );
  const weakness = keyWeakness(published.key, published.testing, selector.selector);
  if (ownKey !== undefined && !isSameKey(published.key, ownKey)) {
    return problem(
      `The published key of selector ${selector.selector} does not belong to the private key.`,
      'Publish the public half of the key that signs, or sign with the key that is published.',
    );
  }
  if (weakness !== undefined) return { ...base, ...weakness, evidence };
  const matched = ownKey === undefined ? '' : ' and belongs to the private key';
  return {
    ...base,
    severity: 'ok',
    message: `The DKIM key of selector ${selector.selector} is published${matched}.`,
    evidence,
  };
}

function readPrivateKey(key: string | KeyObject | undefined): KeyObject | undefined | 'unreadable' {
  if (key === undefined) return undefined;
  try {
    const publicKey = createPublicKey(typeof key === 'string' ? createPrivateKey(key) : key);
    return publicKey.asymmetricKeyType === 'rsa' || publicKey.asymmetricKeyType === 'ed25519'
      ? publicKey
      : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

function readKeyRecord(text: string): { key: KeyObject; testing: boolean } | { problem: string } {
  const tags = new Map(parseTagList(text).tags.map(({ name, value }) => [name, value]));
  const version = tags.get('v');
  if (version !== undefined && version !== 'DKIM1') return { problem: 'The record is not of version DKIM1.' };
  const data = tags.get('p')?.replace(/\s+/g, '');
  if (data === undefined) return { problem: 'The record has no key (p=).' };
  // RFC 6376 §3.6.1: an empty key is a revoked one.
  if (data === '') return { problem: 'The key is revoked (p= is empty).' };
  const testing = (tags.get('t') ?? '')
    .split(':')
    .map((flag) => flag.trim())
    .includes('y');
  try {
    return { key: decodeKey(Buffer.from(data, 'base64'), tags.get('k') ?? 'rsa'), testing };
  } catch {
    return { problem: 'The key cannot be decoded.' };
  }
}

/** RFC 8463 §4: an Ed25519 key is its 32 octets; RFC 6376 §3.6.1: an RSA key is its SubjectPublicKeyInfo. */
function decodeKey(octets: Buffer, type: string): KeyObject {
  if (type === 'ed25519') {
    return createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: octets.toString('base64url') },
      format: 'jwk',
    });
  }
  try {
    return createPublicKey({ key: octets, format: 'der', type: 'spki' });
  } catch {
    return createPublicKey({ key: octets, format: 'der', type: 'pkcs1' });
  }
}

function keyWeakness(
  key: KeyObject,
  testing: boolean,
  selector: string,
): Pick<Finding, 'severity' | 'message' | 'fix'> | undefined {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < leastRsaBits) {
    return {
      severity: 'error',
      message: `The key of selector ${selector} has ${bits} bits; verifiers refuse it.`,
      fix: 'Make a key of 2048 bits under a new selector.',
    };
  }
  if (bits !== undefined && bits < goodRsaBits) {
    return {
      severity: 'warning',
      message: `The key of selector ${selector} has only ${bits} bits.`,
      fix: 'Make a key of 2048 bits under a new selector.',
    };
  }
  if (testing) {
    return {
      severity: 'warning',
      message: `The record of selector ${selector} says that DKIM is being tested (t=y).`,
      fix: 'Remove t=y from the record.',
    };
  }
  return undefined;
}

function isSameKey(a: KeyObject, b: KeyObject): boolean {
  return a.asymmetricKeyType === b.asymmetricKeyType && a.equals(b);
}

function formatKeyRecord(key: KeyObject): string {
  if (key.asymmetricKeyType === 'ed25519') {
    const { x = '' } = key.export({ format: 'jwk' });
    return `v=DKIM1; k=ed25519; p=${Buffer.from(x, 'base64url').toString('base64')}`;
  }
  return `v=DKIM1; k=rsa; p=${key.export({ format: 'der', type: 'spki' }).toString('base64')}`;
}
