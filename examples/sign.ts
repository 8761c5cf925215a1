// Make a DKIM key, and sign a message that comes from anywhere: with RSA, which every verifier knows, and Ed25519 beside it.
import { generateKeyPair, signMessage } from '@mb/dkim';

const domain = 'example.com';
const rsa = await generateKeyPair({ domain, selector: 'r2026' });
const ed25519 = await generateKeyPair({ domain, selector: 'e2026', algorithm: 'ed25519-sha256' });
console.log(rsa.zoneLine);
console.log(ed25519.zoneLine);

const message = 'From: zoe@example.com\r\nTo: alice@example.org\r\nSubject: Hello\r\n\r\nHello Alice!\r\n';
const fields = await signMessage(new TextEncoder().encode(message), [
  { domain, selector: 'r2026', privateKey: rsa.privateKey },
  { domain, selector: 'e2026', privateKey: ed25519.privateKey },
]);
console.log(fields + message);
