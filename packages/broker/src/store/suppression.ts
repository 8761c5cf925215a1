/** All reasons for which an address gets no mail. */
export const suppressionReasons = ['bad-mailbox', 'complaint', 'operator'] as const;

/** Why an address gets no mail. */
export type SuppressionReason = (typeof suppressionReasons)[number];

/** An address to suppress. */
export interface NewSuppression {
  /** Compared without regard to case, as receivers do in practice. */
  readonly address: string;
  readonly reason: SuppressionReason;
  /** The tenant whose list it is added to; default `''`. */
  readonly tenant?: string;
  /** Evidence; JSON. */
  readonly detail?: object;
}

/** An entry of the suppression list. */
export interface Suppression {
  readonly address: string;
  readonly reason: SuppressionReason;
  readonly tenant: string;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly detail?: object;
}

/**
 * The form in which an address is stored.
 *
 * DEVIATES RFC 5321 §2.4: the local part is compared without regard to case. A recipient that complained as
 * `User@example.com` does not want more mail as `user@example.com`.
 */
export function suppressionKey(address: string): string {
  return address.toLowerCase();
}
