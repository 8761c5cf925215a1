import * as dkim from '@mb/dkim/web';
import * as mime from '@mb/mime';
import { check as checkMime } from './checks/mime.mjs';

/** Composes, parses, signs and verifies with nothing of Node. */
export async function check() {
  await checkMime({ '@mb/mime': mime });
  const message = await mime
    .composeMessage({ from: 'a@example.com', to: 'b@example.org', text: 'x' })
    .bytes();
  const privateKey = new Uint8Array(32).fill(7);
  const field = await dkim.signMessage(message, { domain: 'example.com', selector: 's', privateKey });
  const resolveTxt = async () => [['v=DKIM1; k=ed25519; p=6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=']];
  const { status } = await dkim.verifyMessage(dkim.prependFields(field, message), { resolveTxt });
  if (status !== 'pass') throw new Error(`the signature is ${status}`);
}
