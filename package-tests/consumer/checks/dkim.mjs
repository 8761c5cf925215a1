import assert from './assert.mjs';

const message = new TextEncoder().encode(
  'Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nFrom: ada@example.com\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\nOne line.\r\n',
);

/** Signs with both algorithms and verifies; a changed message fails. */
export async function check(modules) {
  const { generateKeyPair, signMessage, verifyMessage } = modules['@mb/dkim'];
  const records = new Map();
  const signers = [];
  for (const algorithm of ['rsa-sha256', 'ed25519-sha256']) {
    const selector = algorithm.slice(0, 3);
    const { privateKey, dnsName, dnsRecord } = await generateKeyPair({
      algorithm,
      domain: 'example.com',
      selector,
    });
    records.set(dnsName, [[dnsRecord]]);
    signers.push({ domain: 'example.com', selector, privateKey });
  }
  const resolveTxt = async (name) => records.get(name) ?? [];
  const fields = new TextEncoder().encode(await signMessage(message, signers));
  const signed = new Uint8Array([...fields, ...message]);
  const { signatures } = await verifyMessage(signed, { resolveTxt });
  assert(
    signatures.length === 2 && signatures.every(({ status }) => status === 'pass'),
    JSON.stringify(signatures),
  );
  const changed = signed.with(signed.length - 4, 0x21);
  const outcome = await verifyMessage(changed, { resolveTxt });
  assert(
    outcome.signatures.every(({ status }) => status === 'fail'),
    JSON.stringify(outcome),
  );
  await checkWeb(modules['@mb/dkim/web'], { signers, resolveTxt, fields: new TextDecoder().decode(fields) });
}

/** What WebCrypto signs is what node:crypto signs, and each verifies the other. */
async function checkWeb({ signMessage, verifyMessage }, { signers, resolveTxt, fields }) {
  const signatures = await signMessage(message, signers);
  const signed = new Uint8Array([...new TextEncoder().encode(signatures + fields), ...message]);
  const outcome = await verifyMessage(signed, { resolveTxt });
  assert(
    outcome.signatures.length === 4 && outcome.signatures.every(({ status }) => status === 'pass'),
    JSON.stringify(outcome),
  );
}
