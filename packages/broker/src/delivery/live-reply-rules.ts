import type { Reply } from '@mb/smtp-client';
import { createReplyRules } from './classify.ts';
import type { ReplyContext, ReplyRule, ReplyRules } from './reply-rule.ts';

/**
 * Rules that can change while a worker runs: those of the store, then those of the worker's options, then the defaults.
 * A rule of the store replaces one of the options that has the same id.
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
   * Replaces the rules of the store.
   * @throws {BrokerError} MB_BROKER_OPTION for an invalid rule; the rules in force do not change.
   */
  replaceStored(stored: readonly ReplyRule[]): void {
    const ids = new Set(stored.map(({ id }) => id));
    this.#rules = createReplyRules([...stored, ...this.#configured.filter(({ id }) => !ids.has(id))]);
  }
}
