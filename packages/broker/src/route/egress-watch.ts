import type { SmtpError } from '@mb/smtp-client';
import type { Clock } from '../clock.ts';

/** How long evidence counts: what was closed ten minutes ago may be open now. */
const memoryMs = 10 * 60_000;
/** Connect timeouts while nothing has answered yet: 30 s for the first host, then less, so that an outcome takes under a minute. */
const suspiciousConnectMs = 20_000;
const blockedConnectMs = 10_000;

/**
 * Notices that nothing gets out on the mail port.
 *
 * Most access networks and clouds drop outgoing port 25, which shows as a timeout at every host. This counts such timeouts
 * over all deliveries of a broker and reports the cause in one sentence.
 */
export class EgressWatch {
  readonly #clock: Clock;
  readonly #port: number;
  /** `address` → host name, of connections that timed out with none that succeeded since. */
  readonly #silent = new Map<string, { host: string; at: number }>();

  constructor(clock: Clock, port: number) {
    this.#clock = clock;
    this.#port = port;
  }

  /** Something answered, be it with a refusal: the port is open. */
  answered(): void {
    if (this.#silent.size > 0) this.#silent.clear();
  }

  /** A connection failed; only timeouts are evidence of a block. */
  failed(
    host: { readonly name: string; readonly addresses: readonly { address: string }[] },
    error: SmtpError,
  ): void {
    if (error.code !== 'MB_SMTP_CONNECT_TIMEOUT') {
      this.answered();
      return;
    }
    const at = this.#clock.now();
    for (const { address } of host.addresses) this.#silent.set(address, { host: host.name, at });
  }

  /** The connect timeout to use now; undefined for the configured one. */
  connectMs(): number | undefined {
    this.#forget();
    if (this.#silent.size === 0) return undefined;
    return this.blocked() === undefined ? suspiciousConnectMs : blockedConnectMs;
  }

  /** One or two sentences when at least two hosts, and nothing but silence, speak for a blocked port. */
  blocked(): string | undefined {
    this.#forget();
    const hosts = new Set([...this.#silent.values()].map(({ host }) => host));
    if (hosts.size < 2) return undefined;
    const families = new Set(
      [...this.#silent.keys()].map((address) => (address.includes(':') ? 'IPv6' : 'IPv4')),
    );
    return (
      `Nothing answers on port ${this.#port}: ${this.#silent.size} addresses of ${hosts.size} hosts timed out (${[...families].sort().join(' and ')}). ` +
      'Most likely this network blocks outgoing mail; ask the provider to open the port, or send through a relay.'
    );
  }

  #forget(): void {
    const before = this.#clock.now() - memoryMs;
    for (const [address, { at }] of this.#silent) if (at < before) this.#silent.delete(address);
  }
}
