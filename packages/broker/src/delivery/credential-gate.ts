import { type ConnectOptions, type SmtpConnection, SmtpError } from '@mb/smtp-client';
import { byIdentity } from '../by-identity.ts';
import type { Clock } from '../clock.ts';
import { wait } from '../wait.ts';

/** How long a refusal is reused for further connections: by then the queue has recorded that the destination pauses. */
const refusalHoldsMs = 1_000;

/** Maximum number of credentials remembered; the least recently used are dropped first. */
const mostStates = 1_000;

interface State {
  /** True once the server has accepted the credentials, until it refuses them. */
  accepted: boolean;
  /** The one connection that tries credentials which are not accepted yet; resolves when it has succeeded or failed. */
  trial: Promise<void> | undefined;
  refusal: { readonly error: SmtpError; readonly at: number } | undefined;
}

/**
 * Lets one connection at a time try credentials that a server has not accepted yet.
 *
 * Servers lock accounts after a few refusals, and a queue opens several connections to a relay at once. The connections
 * that wait for the trial get its refusal instead of one of their own.
 */
export class CredentialGate {
  readonly #clock: Clock;
  readonly #states = new Map<string, State>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Dials, or throws the refusal that another connection has just received. @throws {SmtpError} as `dial` */
  async pass(options: ConnectOptions, dial: () => Promise<SmtpConnection>): Promise<SmtpConnection> {
    if (options.auth === undefined) return dial();
    const state = this.#stateOf(options);
    while (!state.accepted) {
      if (!state.trial) return this.#try(state, dial);
      await untilOver(state.trial, options.signal);
      // `dial` reports the abort.
      if (options.signal?.aborted) break;
      if (this.#refusal(state)) continue;
      // The trial failed for another reason: dial without one, so that the others do not wait for each other.
      break;
    }
    return this.#dial(state, dial);
  }

  async #try(state: State, dial: () => Promise<SmtpConnection>): Promise<SmtpConnection> {
    const refusal = this.#refusal(state);
    if (refusal) throw refusal;
    const trial = this.#dial(state, dial);
    const over = trial.then(
      () => {},
      () => {},
    );
    state.trial = over;
    try {
      return await trial;
    } finally {
      state.trial = undefined;
    }
  }

  async #dial(state: State, dial: () => Promise<SmtpConnection>): Promise<SmtpConnection> {
    try {
      const connection = await dial();
      state.accepted = true;
      state.refusal = undefined;
      return connection;
    } catch (error) {
      if (SmtpError.isInstance(error) && error.code === 'MB_SMTP_AUTH_REFUSED') {
        state.accepted = false;
        state.refusal = { error, at: this.#clock.now() };
      }
      throw error;
    }
  }

  #refusal({ refusal }: State): SmtpError | undefined {
    const age = refusal && Math.abs(this.#clock.now() - refusal.at);
    return age !== undefined && age < refusalHoldsMs ? refusal!.error : undefined;
  }

  #stateOf({ host, port, auth }: ConnectOptions): State {
    const key = JSON.stringify([host, port, auth], byIdentity);
    const state = this.#states.get(key) ?? { accepted: false, trial: undefined, refusal: undefined };
    this.#states.delete(key);
    this.#states.set(key, state);
    if (this.#states.size > mostStates) this.#states.delete(this.#states.keys().next().value!);
    return state;
  }
}

function untilOver(trial: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return wait<void, 'resolve'>(
    (resolve, reject) => {
      trial.then(resolve, reject);
      return () => {};
    },
    signal,
    'resolve',
  );
}
