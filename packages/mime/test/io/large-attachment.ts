/** Streams one large attachment, and prints by how much the peak of memory rose over the idle process, in octets. */
import { composeMessage } from '../../src/index.ts';

const size = Number(process.argv[2]);
const block = new Uint8Array(65_536).fill(88);

async function* content() {
  for (let sent = 0; sent < size; sent += block.length)
    yield block.subarray(0, Math.min(block.length, size - sent));
}

const idle = process.memoryUsage.rss();
const composed = composeMessage({ from: 'a@example.com', text: 't', attachments: [{ content, size }] });
let written = 0;
let peak = idle;
let seen = 0;
for await (const chunk of composed) {
  written += chunk.length;
  if (++seen % 100 === 0) peak = Math.max(peak, process.memoryUsage.rss());
}
console.log(JSON.stringify({ rise: peak - idle, written, announced: composed.size }));
