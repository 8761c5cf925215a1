/**
 * Run as a program: reads a message of `MiB` from a stream, signing or only reading it; prints its peak memory in KiB.
 *
 * node read-stream.ts (read | sign) MiB
 */
import { generateKeyPair } from '../../src/key-pair.ts';
import { signMessage } from '../../src/sign.ts';

const [mode, mebibytes] = process.argv.slice(2);
/** The same octets again and again, so that what is measured is not the garbage of the source. */
const chunk = Buffer.alloc(65_536, 'some words of a long message,  and more of them\t\r\n');

async function* message(): AsyncIterable<Uint8Array> {
  yield Buffer.from('From: a@example.com\r\nSubject: large\r\n\r\n');
  for (let left = Number(mebibytes) * 16; left > 0; left--) yield chunk;
}

const { privateKey } = await generateKeyPair({ domain: 'example.com', selector: 's' });
let octets = 0;
if (mode === 'sign') await signMessage(message(), { domain: 'example.com', selector: 's', privateKey });
else for await (const part of message()) octets += part.length;
console.log(process.resourceUsage().maxRSS, octets);
