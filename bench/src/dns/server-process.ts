/** Child process: a DNS server on a loopback port that knows one domain, answers at once and never loses a query. */
import { createSocket } from 'node:dgram';
import { type Answer, decode, encode, type Question } from 'dns-packet';
import { addressOf, DOMAIN } from './zone.ts';

/** RD and RA. */
const RECURSION = 0x0180;
const NO_ERROR = 0;
const NXDOMAIN = 3;

/** Without it a negative answer may not be cached (RFC 2308 §5). */
const SOA: Answer = {
  name: DOMAIN,
  type: 'SOA',
  ttl: 3600,
  data: {
    mname: `ns.${DOMAIN}`,
    rname: `hostmaster.${DOMAIN}`,
    serial: 1,
    refresh: 3600,
    retry: 600,
    expire: 86400,
    minimum: 3600,
  },
};

// 10,000 queries may wait in the socket's buffer before this process gets a turn.
const socket = createSocket({ type: 'udp4', recvBufferSize: 8 * 2 ** 20 });
socket.on('message', (octets, from) => {
  const { id, questions = [] } = decode(octets);
  const answers = questions.flatMap(answersTo);
  const known = questions.some(({ name }) => name === DOMAIN || addressOf(name) !== undefined);
  const reply = encode({
    type: 'response',
    id,
    flags: RECURSION | (known ? NO_ERROR : NXDOMAIN),
    questions,
    answers,
    authorities: answers.length === 0 ? [SOA] : [],
  });
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
