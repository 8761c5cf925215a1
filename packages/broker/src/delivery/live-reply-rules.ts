import type { Reply } from '@mb/smtp-client';
import { createReplyRules } from './classify.ts';
import type { ReplyContext, ReplyRule, ReplyRules } from './reply-rule.ts';

/**
 * Rules that change while a worker runs: those of the store, then those of its options, then the default ones. A rule of
 * the store takes the place of one of the options with the same id.
 */
export class LiveReplyRules implements ReplyRules {
  readonly #configured: readonly ReplyRule[];
  #rules: ReplyRules;

  /** @throws {BrokerError} MB_BROKER_OPTION */
  constructor(configured: readonly ReplyRule[]) {
    this.#configured = configured;
    this.#rules = createReplyRules(configured);
  }

  match(reply: Reply, context: ReplyContext): ReplyRule {
    return this.#rules.match(reply, context);
  }

  /**
   * Takes other rules of the store.
   * @throws {BrokerError} MB_BROKER_OPTION for a rule that is not one; the rules stay as they are.
   */
  replaceStored(stored: readonly ReplyRule[]): void {
    const ids = new Set(stored.map(({ id }) => id));
    this.#rules = createReplyRules([...stored, ...this.#configured.filter(({ id }) => !ids.has(id))]);
  }
}
