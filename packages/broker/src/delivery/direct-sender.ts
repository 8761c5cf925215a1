import type { Clock } from '../clock.ts';
import { forEachLimit } from '../for-each-limit.ts';
import type { SignedMessage } from '../message/outgoing-message.ts';
import { siteOfHop } from '../route/site.ts';
import { chooseSource } from '../sender/egress-source.ts';
import { defaultSiteLimits } from '../store/pacing.ts';
import { attemptDelivery } from './attempt.ts';
import { type AttemptEnvironment, AttemptScope } from './attempt-scope.ts';
import type { Connections } from './connections.ts';
import { DestinationSlots } from './destination-slots.ts';
import type { RecipientOutcome } from './outcome.ts';
import { type PlannedDelivery, planRecipients } from './plan.ts';
import { siteFeedbackOf } from './site-feedback.ts';

/**
 * Sends without a queue: one attempt for every recipient. All calls share connections, and each destination sees no more
 * of them at once than the queue would open.
 */
export class DirectSender {
  readonly #connections: Connections;
  readonly #slots: DestinationSlots;

  constructor(clock: Clock, connections: Connections) {
    this.#connections = connections;
    this.#slots = new DestinationSlots(defaultSiteLimits, clock);
  }

  /**
   * One outcome for each envelope recipient, in their order.
   * @param environment  Of the message's sending profile.
   */
  async deliver(
    signed: SignedMessage,
    environment: AttemptEnvironment,
    signal: AbortSignal | undefined,
  ): Promise<RecipientOutcome[]> {
    const { delivery } = environment;
    const plan = planRecipients(signed.envelope.to, delivery.maxRecipients);
    const outcomes: RecipientOutcome[] = [];
    await forEachLimit(plan.deliveries, delivery.concurrency, async (planned) => {
      const results = await this.#attempt(planned, signed, environment, signal);
      planned.recipients.forEach(({ index }, position) => {
        outcomes[index] = results[position]!;
      });
    });
    return plan.firstIndex.map((index, position) =>
      index === position
        ? outcomes[index]!
        : { ...outcomes[index]!, recipient: signed.envelope.to[position]! },
    );
  }

  async #attempt(
    planned: PlannedDelivery,
    signed: SignedMessage,
    environment: AttemptEnvironment,
    signal: AbortSignal | undefined,
  ): Promise<RecipientOutcome[]> {
    const { delivery, random, experiences } = environment;
    const scope = new AttemptScope(environment, {
      connections: this.#connections.open(),
      experiences: experiences.open(),
      source: chooseSource(delivery.sources, random),
      signal,
    });
    const site = siteOfHop(planned.domain, await scope.nextHop(planned.domain)) ?? planned.domain;
    const work = async () => {
      try {
        const result = await attemptDelivery(planned, signed, 1, scope);
        return { result, feedback: siteFeedbackOf(result) };
      } finally {
        await scope.end();
      }
    };
    return this.#slots.run(site, work, signal);
  }
}
