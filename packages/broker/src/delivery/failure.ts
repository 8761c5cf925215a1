/**
 * What a failure is about.
 *
 * - `bad-mailbox`: the host says that the address does not exist or is closed. The only category that suppresses it.
 * - `bad-domain`: the domain does not exist or accepts no mail.
 * - `mailbox-full`: the mailbox exists and is over its quota.
 * - `blocked`: the host refuses us, our address or our sender domain (reputation, policy, authentication).
 * - `content`: the host refuses this message (size, content, attachment).
 * - `rate`: the host asks us to slow down.
 * - `temporary-host`: the host defers for a while (greylisting), or it or its network has trouble of its own.
 * - `protocol`: the two sides do not understand each other, or an extension that the message needs is missing.
 * - `tls-policy`: no connection met the security that the policy requires.
 * - `suppressed`: the address is on the suppression list.
 * - `local`: our own side (sockets, resolver, disk, configuration, shutdown).
 * - `unknown-reason`: the host refused and did not say why. Suppresses no address and slows no destination down.
 */
export type FailureCategory =
  | 'bad-mailbox'
  | 'bad-domain'
  | 'mailbox-full'
  | 'blocked'
  | 'content'
  | 'rate'
  | 'temporary-host'
  | 'protocol'
  | 'tls-policy'
  | 'suppressed'
  | 'local'
  | 'unknown-reason';

/**
 * Whom a failure concerns.
 *
 * - `recipient`: this address; others at the same host may be fine.
 * - `message`: this message, for every recipient.
 * - `sender`: us: our address, domain, host name or IP address.
 * - `session`: this connection; a new one may succeed.
 * - `destination`: the host, for all mail to it.
 */
export type FailureScope = 'recipient' | 'message' | 'sender' | 'session' | 'destination';

/**
 * What follows from a failure. A 5yz reply stays permanent and a 4yz reply temporary, whatever the rule says.
 *
 * - `suppress`: fail, and send nothing to the address again. Only with category `bad-mailbox`.
 * - `fail`: fail.
 * - `retry`: try again by the schedule.
 * - `delay`: try again when the host says, else after `afterMs`, else by the schedule.
 * - `slow-down`: fewer connections to the destination, and a pause: as long as the host says, else `afterMs`, else one
 *   minute, doubled each time.
 * - `pause`: like `slow-down`, for trouble that ends only after a longer pause or through an operator.
 * - `reconnect`: try again over a new connection.
 */
export type FailureAction = 'suppress' | 'fail' | 'retry' | 'delay' | 'slow-down' | 'pause' | 'reconnect';

/** What a failure is about, whom it concerns, and what follows. */
export interface FailureClassification {
  readonly category: FailureCategory;
  readonly scope: FailureScope;
  readonly action: FailureAction;
  /** With `delay`, `slow-down` and `pause`: how long, in milliseconds, when the host names no time. */
  readonly afterMs?: number;
  /** Id of the reply rule that decided; absent when no reply did. */
  readonly rule?: string;
}
