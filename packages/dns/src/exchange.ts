import { DnsError } from './errors.ts';
import type { RecordType } from './record.ts';
import type { FailedAnswer, FailureCause, FailureScope } from './resolver.ts';
import { decodeResponse, encodeQuery, type ResponseMessage } from './wire.ts';

/** The question of an exchange, and its limits. */
export interface ExchangeRequest {
  readonly name: string;
  readonly type: RecordType;
  readonly servers: readonly ExchangeServer[];
  /** Time at which the exchange fails, in epoch milliseconds. */
  readonly deadline: number;
  /** Timeout of the first attempt in milliseconds; it doubles after each round over all servers. */
  readonly attemptTimeoutMs: number;
  /** Returns an unpredictable 16-bit id for each message (RFC 5452 §9.2). */
  readonly nextId: () => number;
  /** The RD bit. Default true. */
  readonly recursionDesired?: boolean;
}

/** A server as the exchange sees it. */
export interface ExchangeServer {
  /** For messages: `127.0.0.1:53` or the URL. */
  readonly label: string;
  /** Whether to trust its AD bit and its validation. */
  readonly trusted: boolean;
  /** `stream` servers (HTTPS) never truncate. */
  readonly transport: 'datagram' | 'stream';
}

/** What the caller must do next. */
export type ExchangeStep =
  | {
      readonly do: 'send';
      readonly attempt: number;
      readonly server: number;
      readonly transport: 'datagram' | 'stream';
      readonly message: Uint8Array;
      /** When to call `handleTimeout` if nothing has arrived, in epoch milliseconds. */
      readonly timeoutAt: number;
    }
  | { readonly do: 'wait' }
  | { readonly do: 'done'; readonly outcome: ExchangeOutcome };

/** A response that answers the question, or a failure. */
export type ExchangeOutcome =
  | { readonly ok: true; readonly response: ResponseMessage; readonly authentic: boolean }
  | ExchangeFailure;

/** Why there is no response. */
export interface ExchangeFailure {
  readonly ok: false;
  readonly status: FailedAnswer['status'];
  readonly cause: FailureCause;
  /** As in an answer; `unclear` when no server answered, so that the cause may be local or the domain. */
  readonly scope: FailureScope | 'unclear';
  readonly reason: string;
}

/** The failure of one server. */
type ServerFailure = Pick<ExchangeFailure, 'status' | 'cause' | 'reason'>;

interface Attempt {
  readonly server: number;
  readonly transport: 'datagram' | 'stream';
  readonly id: number;
  readonly edns: boolean;
  /** Set for a query that tests whether DNSSEC caused a SERVFAIL: the failure to report if it did not. */
  readonly probeFor: ServerFailure | undefined;
  settled: boolean;
}

const noError = 0;
const formatError = 1;
const serverFailure = 2;
const nxDomain = 3;
const refused = 5;

const responseCodeNames = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** RFC 8914 §4.6 to §4.13: extended errors for failed DNSSEC validation. */
const bogusExtendedErrors = new Set([6, 7, 8, 9, 10, 11, 12]);

/**
 * A question to one or more servers, without I/O: the caller passes in octets, failures and time, and does what each step
 * says.
 *
 * Servers are asked in turn. After a refusal or a network error the next server is asked at once, otherwise after the
 * timeout of the attempt. Attempts stay open, so that a late answer still counts. After a truncated answer the query is
 * repeated over a stream (RFC 7766 §5), after FORMERR without EDNS (RFC 6891 §7).
 */
export class Exchange {
  readonly #request: ExchangeRequest;
  readonly #attempts: Attempt[] = [];
  readonly #failed = new Set<number>();
  /** Whether a server answered with anything except REFUSED. */
  #answered = false;
  #next = 0;

  constructor(request: ExchangeRequest) {
    this.#request = request;
  }

  /** Returns the first step. */
  start(now: number): ExchangeStep {
    return this.#nextServer(now);
  }

  /** Handles octets that arrived for an attempt. */
  receive(attemptIndex: number, octets: Uint8Array, now: number): ExchangeStep {
    const attempt = this.#attempts[attemptIndex];
    if (attempt === undefined || attempt.settled) return { do: 'wait' };
    // RFC 5452 §9.1: ignore messages with another id.
    if (octets.length < 2 || ((octets[0]! << 8) | octets[1]!) !== attempt.id) return { do: 'wait' };
    let response: ResponseMessage;
    try {
      response = decodeResponse(octets);
    } catch (error) {
      if (!DnsError.isInstance(error)) throw error;
      this.#answered = true;
      return this.#settleFailed(
        attempt,
        { status: 'servfail', cause: 'malformed', reason: error.message },
        now,
      );
    }
    // RFC 5452 §9.1: ignore answers to another question.
    if (response.question === undefined) {
      if (response.responseCode === noError) return { do: 'wait' };
    } else if (!this.#isOurQuestion(response.question)) return { do: 'wait' };
    return this.#judge(attempt, response, now);
  }

  /** Handles a network error of an attempt. */
  fail(attemptIndex: number, why: string, now: number): ExchangeStep {
    const attempt = this.#attempts[attemptIndex];
    if (attempt === undefined || attempt.settled) return { do: 'wait' };
    return this.#settleFailed(attempt, { status: 'servfail', cause: 'network', reason: why }, now);
  }

  /** Handles the timeout of an attempt. */
  handleTimeout(now: number): ExchangeStep {
    return this.#nextServer(now);
  }

  #judge(attempt: Attempt, response: ResponseMessage, now: number): ExchangeStep {
    const server = this.#request.servers[attempt.server]!;
    this.#answered ||= response.responseCode !== refused;
    if (response.truncated) {
      if (attempt.transport === 'stream') {
        const reason = 'It sent a truncated answer over a stream.';
        return this.#settleFailed(attempt, { status: 'servfail', cause: 'malformed', reason }, now);
      }
      attempt.settled = true;
      return this.#send({ ...attempt, transport: 'stream', settled: false }, now);
    }
    if (response.responseCode === noError || response.responseCode === nxDomain) {
      attempt.settled = true;
      if (attempt.probeFor !== undefined) return { do: 'done', outcome: this.#bogus(server.label) };
      return {
        do: 'done',
        outcome: { ok: true, response, authentic: response.authenticData && server.trusted },
      };
    }
    if (attempt.probeFor !== undefined) return this.#settleFailed(attempt, attempt.probeFor, now);
    if (response.responseCode === formatError && attempt.edns) {
      attempt.settled = true;
      return this.#send({ ...attempt, edns: false, settled: false }, now);
    }
    if (response.responseCode === serverFailure && server.trusted) {
      attempt.settled = true;
      if (response.extendedErrors.some((code) => bogusExtendedErrors.has(code))) {
        return { do: 'done', outcome: this.#bogus(server.label) };
      }
      // RFC 4035 §3.2.2: with CD set, the same question has an answer only if validation caused the failure.
      const probeFor = this.#refusal(response.responseCode);
      return this.#send({ ...attempt, transport: server.transport, probeFor, settled: false }, now);
    }
    return this.#settleFailed(attempt, this.#refusal(response.responseCode), now);
  }

  #refusal(responseCode: number): ServerFailure {
    const name = responseCodeNames[responseCode] ?? `response code ${responseCode}`;
    return { status: 'servfail', cause: 'response-code', reason: `It answered ${name}.` };
  }

  #bogus(label: string): ExchangeFailure {
    return {
      ok: false,
      status: 'bogus',
      cause: 'validation',
      scope: 'domain',
      reason: `${this.#request.name} ${this.#request.type} at ${label}: its DNSSEC signatures do not validate.`,
    };
  }

  #settleFailed(attempt: Attempt, failure: ServerFailure, now: number): ExchangeStep {
    attempt.settled = true;
    const { label } = this.#request.servers[attempt.server]!;
    const { name, type } = this.#request;
    this.#failed.add(attempt.server);
    if (this.#failed.size < this.#request.servers.length) return this.#nextServer(now);
    const reason = `${name} ${type} at ${label}: ${failure.reason}`;
    return { do: 'done', outcome: { ok: false, ...failure, scope: this.#scope(failure.cause), reason } };
  }

  /** The scope of a failure. */
  #scope(cause: FailureCause): ExchangeFailure['scope'] {
    if (this.#answered) return 'domain';
    const asked = this.#attempts.length > 0;
    return cause === 'network' || !asked ? 'local' : 'unclear';
  }

  #nextServer(now: number): ExchangeStep {
    const { servers, deadline, nextId } = this.#request;
    if (now >= deadline) return { do: 'done', outcome: this.#timeout() };
    while (this.#failed.has(this.#next % servers.length)) this.#next++;
    const server = this.#next % servers.length;
    const attempt: Attempt = {
      server,
      transport: servers[server]!.transport,
      id: nextId(),
      edns: true,
      probeFor: undefined,
      settled: false,
    };
    const step = this.#send(attempt, now, false);
    this.#next++;
    return step;
  }

  #send(attempt: Attempt, now: number, renew = true): ExchangeStep {
    const { name, type, deadline, attemptTimeoutMs, servers, nextId, recursionDesired } = this.#request;
    const sent = renew ? { ...attempt, id: nextId() } : attempt;
    const index = this.#attempts.push(sent) - 1;
    const round = Math.floor(this.#next / servers.length);
    return {
      do: 'send',
      attempt: index,
      server: sent.server,
      transport: sent.transport,
      message: encodeQuery({
        id: sent.id,
        name,
        type,
        edns: sent.edns,
        recursionDesired,
        checkingDisabled: sent.probeFor !== undefined,
      }),
      timeoutAt: Math.min(deadline, now + attemptTimeoutMs * 2 ** Math.min(round, 10)),
    };
  }

  #timeout(): ExchangeFailure {
    const { name, type, servers } = this.#request;
    const silent = servers.filter((_, index) => !this.#failed.has(index)).map((server) => server.label);
    const reason = `${name} ${type}: no answer from ${silent.join(', ')} within the deadline.`;
    return { ok: false, status: 'timeout', cause: 'deadline', scope: this.#scope('deadline'), reason };
  }

  #isOurQuestion(question: { name: string; type: string }): boolean {
    const { name, type } = this.#request;
    return question.type === type && question.name.toLowerCase() === name.toLowerCase();
  }
}
