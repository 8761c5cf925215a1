import type { Clock } from '../clock.ts';
import type { KeyWrapping } from '../encryption/key-wrapping.ts';
import { BrokerError } from '../errors.ts';
import { TimedCalls } from '../timed-calls.ts';
import type { WebhookSecret } from './secret.ts';

/** A secret as its record has it: encrypted, or in plain text where there is nothing to encrypt with. */
export type StoredSecret = Omit<WebhookSecret, 'secret'> &
  ({ readonly secret: string } | { readonly wrapped: object });

/** Encrypts the secrets of endpoints before they are stored, and opens them. */
export class EndpointSecrets {
  readonly #wrapping: KeyWrapping | undefined;
  readonly #calls: TimedCalls;

  /** @param wrapping  Undefined: new secrets are stored in plain text, and encrypted ones do not open. */
  constructor(wrapping: KeyWrapping | undefined, clock: Clock) {
    this.#wrapping = wrapping;
    this.#calls = new TimedCalls(clock);
  }

  /** Whether new secrets are encrypted. */
  get encrypts(): boolean {
    return this.#wrapping !== undefined;
  }

  /** The secret as it is stored. */
  async keep(endpointId: string, { secret, ...facts }: WebhookSecret): Promise<StoredSecret> {
    const wrapping = this.#wrapping;
    if (!wrapping) return { ...facts, secret };
    const plain = new TextEncoder().encode(secret);
    const wrap = () => wrapping.wrap(plain, contextOf(endpointId));
    return { ...facts, wrapped: await this.#calls.call('webhooks.wrapping.wrap()', wrap) };
  }

  /**
   * The secrets that are valid at a time, to sign with.
   *
   * @throws {BrokerError} MB_BROKER_MASTER_KEY, MB_BROKER_KEY_SERVICE, what `unwrap` of the application throws, or the
   *   reason of `signal`.
   */
  async open(
    endpointId: string,
    stored: readonly StoredSecret[],
    now: number,
    signal?: AbortSignal,
  ): Promise<readonly WebhookSecret[]> {
    return Promise.all(valid(stored, now).map((one) => this.#open(endpointId, one, signal)));
  }

  /** The secrets that are valid at a time, encrypted with the newest key; those that are up to date are the same objects. */
  async renew(
    endpointId: string,
    stored: readonly StoredSecret[],
    now: number,
  ): Promise<readonly StoredSecret[]> {
    return Promise.all(
      valid(stored, now).map(async (one) => {
        const isUpToDate = 'wrapped' in one && !this.#wrapping?.isOutdated?.(one.wrapped);
        return isUpToDate ? one : this.keep(endpointId, await this.#open(endpointId, one));
      }),
    );
  }

  /** The secrets that are valid at a time, without those that are equal to another one. */
  async without(
    secret: string,
    endpointId: string,
    stored: readonly StoredSecret[],
    now: number,
  ): Promise<readonly StoredSecret[]> {
    const others = valid(stored, now);
    const opened = await Promise.all(others.map((one) => this.#open(endpointId, one)));
    return others.filter((_, index) => opened[index]!.secret !== secret);
  }

  async #open(endpointId: string, stored: StoredSecret, signal?: AbortSignal): Promise<WebhookSecret> {
    if (!('wrapped' in stored)) return stored;
    const wrapping = this.#wrapping;
    if (!wrapping) {
      throw masterKeyError(
        `The secret of webhook ${endpointId} is encrypted, and there is no master key: nothing is delivered to it here. Give "mb" --master-key FILE or MB_MASTER_KEY, and a broker webhooks.wrapping.`,
      );
    }
    const { wrapped, ...facts } = stored;
    const unwrap = () => wrapping.unwrap(wrapped, contextOf(endpointId));
    const plain = await this.#calls.call('webhooks.wrapping.unwrap()', unwrap, signal);
    return { ...facts, secret: Buffer.from(plain).toString() };
  }
}

/** The error where an encrypted secret is needed and there is no key. */
export function masterKeyError(message: string): BrokerError {
  return new BrokerError('MB_BROKER_MASTER_KEY', 'api-misuse', message);
}

function valid(stored: readonly StoredSecret[], now: number): readonly StoredSecret[] {
  return stored.filter(({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt > now);
}

/** A secret that was moved to another endpoint does not open. */
function contextOf(endpointId: string): string {
  return `mb webhook ${endpointId}`;
}
