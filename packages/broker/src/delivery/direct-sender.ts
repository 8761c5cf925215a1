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
  readonly #environment: AttemptEnvironment;
  readonly #connections: Connections;
  readonly #slots: DestinationSlots;

  constructor(environment: AttemptEnvironment, connections: Connections) {
    this.#environment = environment;
    this.#connections = connections;
    this.#slots = new DestinationSlots(defaultSiteLimits, environment.clock);
  }

  /** One outcome for each envelope recipient, in their order. */
  async deliver(signed: SignedMessage, signal: AbortSignal | undefined): Promise<RecipientOutcome[]> {
    const { delivery } = this.#environment;
    const plan = planRecipients(signed.envelope.to, delivery.maxRecipients);
    const outcomes: RecipientOutcome[] = [];
    await forEachLimit(plan.deliveries, delivery.concurrency, async (planned) => {
      const results = await this.#attempt(planned, signed, signal);
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
    signal: AbortSignal | undefined,
  ): Promise<RecipientOutcome[]> {
    const { delivery, random, experiences } = this.#environment;
    const scope = new AttemptScope(this.#environment, {
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
