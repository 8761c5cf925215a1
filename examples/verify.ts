// Verify the DKIM signatures of a message; a broken one is a result with its reason, never an exception.
import { generateKeyPair, signMessage, verifyMessage } from '@mb/dkim';

const { privateKey, dnsRecord } = await generateKeyPair({ domain: 'example.com', selector: 's1' });
const message = 'From: zoe@example.com\r\nSubject: Hello\r\n\r\nPay 10 to Bob.\r\n';
const fields = await signMessage(new TextEncoder().encode(message), {
  domain: 'example.com',
  selector: 's1',
  privateKey,
});

// In production: import { resolveTxt } from 'node:dns/promises', or one that knows DNSSEC.
const resolveTxt = async () => [[dnsRecord]];
for (const received of [fields + message, fields + message.replace('10', '1000')]) {
  const { signatures } = await verifyMessage(new TextEncoder().encode(received), { resolveTxt });
  for (const { status, reason, domain, selector } of signatures) {
    console.log(`${status}: ${selector}._domainkey.${domain} ${reason}`);
  }
}
