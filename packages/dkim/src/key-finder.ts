import { type KeyLookup, lookupKeys } from './key-lookup.ts';
import type { Signature } from './signature.ts';
import type { VerifyPlan } from './verify-options.ts';

/** Looks up each selector of a message once, however many signatures name it. */
export class KeyFinder {
  readonly #plan: VerifyPlan;
  readonly #lookups = new Map<string, Promise<KeyLookup>>();

  constructor(plan: VerifyPlan) {
    this.#plan = plan;
  }

  /** Starts the lookup, or joins one that is running. Never rejects. */
  find({ selector, domain }: Signature): Promise<KeyLookup> {
    // RFC 6376 §3.6.2.1.
    const name = `${selector}._domainkey.${domain}`;
    let lookup = this.#lookups.get(name);
    if (lookup === undefined) {
      lookup = lookupKeys(name, this.#plan.resolveTxt, this.#plan.lookupTimeoutMs);
      this.#lookups.set(name, lookup);
    }
    return lookup;
  }
}
