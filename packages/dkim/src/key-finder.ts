import { type KeyLookup, lookupKeys } from './key-lookup.ts';
import type { Signature } from './signature.ts';
import type { VerifyPlan } from './verify-options.ts';

/** Looks up keys; each selector of a message is looked up only once. */
export class KeyFinder {
  readonly #plan: VerifyPlan;
  readonly #lookups = new Map<string, Promise<KeyLookup>>();

  constructor(plan: VerifyPlan) {
    this.#plan = plan;
  }

  /** Returns the keys of a signature's selector. The promise never rejects. */
  find({ selector, domain }: Signature): Promise<KeyLookup> {
    // RFC 6376 §3.6.2.1: the name of the key record.
    const name = `${selector}._domainkey.${domain}`;
    let lookup = this.#lookups.get(name);
    if (lookup === undefined) {
      lookup = lookupKeys(name, this.#plan.resolveTxt, this.#plan.lookupTimeoutMs);
      this.#lookups.set(name, lookup);
    }
    return lookup;
  }
}
