import type { Clock } from './clock.ts';
import { abortError } from './errors.ts';
import { Exchange, type ExchangeOutcome, type ExchangeRequest, type ExchangeStep } from './exchange.ts';
import type { DnsServer } from './server-address.ts';
import type { Link, LinkEvents } from './transport/link.ts';

/** Sends one query to a server. */
export type OpenLink = (
  server: DnsServer,
  step: Extract<ExchangeStep, { do: 'send' }>,
  events: LinkEvents,
) => Link;

/** What `driveExchange` needs. */
export interface DriveOptions {
  readonly servers: readonly DnsServer[];
  readonly clock: Clock;
  readonly openLink: OpenLink;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs an exchange over sockets.
 *
 * @throws {DnsError} MB_DNS_ABORTED when the signal aborts; all sockets are closed before.
 */
export function driveExchange(request: ExchangeRequest, options: DriveOptions): Promise<ExchangeOutcome> {
  const { clock, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const exchange = new Exchange(request);
    const links: Link[] = [];
    let cancelTimer = () => {};
    const finish = () => {
      cancelTimer();
      for (const link of links) link.close();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = () => {
      finish();
      reject(abortError(signal!));
    };
    signal?.addEventListener('abort', onAbort, { once: true });

    const perform = (step: ExchangeStep): void => {
      if (step.do === 'wait') return;
      if (step.do === 'done') {
        finish();
        resolve(step.outcome);
        return;
      }
      cancelTimer();
      const now = clock.now();
      cancelTimer = clock.setTimer(
        () => perform(exchange.handleTimeout(clock.now())),
        Math.max(0, step.timeoutAt - now),
      );
      const events: LinkEvents = {
        onMessage: (octets) => perform(exchange.receive(step.attempt, octets, clock.now())),
        onFailure: (why) => perform(exchange.fail(step.attempt, why, clock.now())),
      };
      links.push(options.openLink(options.servers[step.server]!, step, events));
    };
    perform(exchange.start(clock.now()));
  });
}
