import { randomInt } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { failedAnswer, readAnswer } from '../answer.ts';
import type { Clock } from '../clock.ts';
import { driveExchange } from '../drive.ts';
import { DnsError } from '../errors.ts';
import type { RecordType } from '../record.ts';
import type { Answer } from '../resolver.ts';
import { globalFetch } from '../transport/https.ts';
import { openLink } from '../transport/open-link.ts';
import { type ResponseMessage, readData } from '../wire.ts';

/** The reply of a server of a zone about a name. */
export type ServerReply<T extends RecordType> =
  | { readonly kind: 'answer'; readonly answer: Answer<T> }
  /** The name is an alias of a name outside the zone. */
  | { readonly kind: 'alias'; readonly target: string }
  /** The name is in a delegated zone with these servers. */
  | { readonly kind: 'referral'; readonly zone: string; readonly servers: readonly string[] };

/** A question to one server. */
export interface ServerQuestion<T extends RecordType> {
  readonly name: string;
  readonly type: T;
  /** The zone of the server. */
  readonly zone: string;
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/**
 * Asks one server without recursion.
 *
 * @throws {DnsError} MB_DNS_ABORTED
 */
export async function askServer<T extends RecordType>(question: ServerQuestion<T>): Promise<ServerReply<T>> {
  const { name, type, address, port, timeoutMs, clock, signal } = question;
  const label = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  const outcome = await driveExchange(
    {
      name,
      type,
      // The AD bit is ignored: an authoritative server does not validate its own answers.
      servers: [{ label, trusted: false, transport: 'datagram' }],
      deadline: clock.now() + timeoutMs,
      attemptTimeoutMs: Math.ceil(timeoutMs / 4),
      nextId: () => randomInt(65_536),
      recursionDesired: false,
    },
    {
      servers: [{ transport: 'datagram', label, address, port, loopback: false }],
      clock,
      openLink: (server, step, events) => openLink(server, step, events, globalFetch),
      signal,
    },
  );
  if (!outcome.ok) {
    const scope = outcome.scope === 'unclear' ? 'domain' : outcome.scope;
    return { kind: 'answer', answer: failedAnswer(name, type, { ...outcome, scope }) };
  }
  try {
    return readReply(question, outcome.response, label);
  } catch (error) {
    if (!DnsError.isInstance(error)) throw error;
    return failed(question, 'malformed', `${name} ${type} at ${label}: ${error.message}`);
  }
}

function readReply<T extends RecordType>(
  question: ServerQuestion<T>,
  response: ResponseMessage,
  label: string,
): ServerReply<T> {
  const { name, type, zone } = question;
  if (!response.authoritative) {
    const referral = readReferral(response, name, zone);
    if (referral) return referral;
    const reason = `${name} ${type} at ${label}: it is not authoritative for ${zone}.`;
    return failed(question, 'response-code', reason);
  }
  const step = readAnswer(response, { name, type, maxAliases: 16 }, false);
  if (!step.done) return { kind: 'alias', target: step.target };
  const { answer } = step;
  const left = answer.canonicalName !== name && !isWithin(answer.canonicalName, zone);
  // Its records for a name in another zone are not authoritative.
  return left ? { kind: 'alias', target: answer.canonicalName } : { kind: 'answer', answer };
}

/** RFC 1034 §4.3.2: the servers of a delegated zone, in the authority section. */
function readReferral(
  { answers, authorities }: ResponseMessage,
  name: string,
  zone: string,
): Extract<ServerReply<never>, { kind: 'referral' }> | undefined {
  const records = authorities.filter(({ type }) => type === 'NS');
  const child = records[0]?.name.toLowerCase();
  // A referral must lead further down; any other could be circular.
  if (answers.length > 0 || child === undefined || child === zone) return undefined;
  if (!isWithin(name, child) || !isWithin(child, zone)) return undefined;
  const servers = records
    .filter((record) => record.name.toLowerCase() === child)
    .map((record) => readData('NS', record).toLowerCase());
  return { kind: 'referral', zone: child, servers: [...new Set(servers)] };
}

function failed<T extends RecordType>(
  { name, type }: ServerQuestion<T>,
  cause: 'malformed' | 'response-code',
  reason: string,
): ServerReply<T> {
  return {
    kind: 'answer',
    answer: failedAnswer(name, type, { status: 'servfail', cause, scope: 'domain', reason }),
  };
}

/** Whether a name is a domain or below it. */
export function isWithin(name: string, domain: string): boolean {
  return name === domain || domain === '.' || name.endsWith(`.${domain}`);
}
