/** Child process: a DNS server on a loopback port that knows one domain, answers at once and never loses a query. */
import { createSocket } from 'node:dgram';
import { type Answer, decode, encode, type Question } from 'dns-packet';
import { addressOf, DOMAIN } from './zone.ts';

// 10,000 queries may stand in the socket's buffer before this process gets a turn.
const socket = createSocket({ type: 'udp4', recvBufferSize: 8 * 2 ** 20 });
socket.on('message', (octets, from) => {
  const { id, questions = [] } = decode(octets);
  const answers = questions.flatMap(answersTo);
  const reply = encode({
    type: 'response',
    id,
    flags: 0x0180, // RD and RA
    rcode: answers.length === 0 ? 'NXDOMAIN' : 'NOERROR',
    questions,
    answers,
  } as Parameters<typeof encode>[0]);
  socket.send(reply, from.port, from.address);
});
socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port));
process.on('disconnect', () => process.exit());

function answersTo({ name, type }: Question): Answer[] {
  if (type === 'MX' && name === DOMAIN) {
    return [10, 20].map((preference, i) => ({
      name,
      type,
      ttl: 3600,
      data: { preference, exchange: `host-${i}.${DOMAIN}` },
    }));
  }
  const address = addressOf(name);
  return type === 'A' && address !== undefined ? [{ name, type, ttl: 3600, data: address }] : [];
}
