import type { Clock } from '../clock.ts';
import { forEachLimit } from '../for-each-limit.ts';
import type { SignedMessage } from '../message/outgoing-message.ts';
import { configuredHop } from '../route/next-hop.ts';
import { RouteScope } from '../route/route-scope.ts';
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
 * Sends without a queue: one attempt for every recipient. All calls share connections, and no destination gets more of
 * them at once than the queue would open.
 */
export class DirectSender {
  readonly #connections: Connections;
  readonly #slots: DestinationSlots;

  constructor(clock: Clock, connections: Connections) {
    this.#connections = connections;
    this.#slots = new DestinationSlots(defaultSiteLimits, clock);
  }

  /**
   * Delivers a message.
   * @param environment  The environment of the message's sending profile.
   * @returns one outcome for each envelope recipient, in their order.
   */
  async deliver(
    signed: SignedMessage,
    environment: AttemptEnvironment,
    signal: AbortSignal | undefined,
  ): Promise<RecipientOutcome[]> {
    const { delivery } = environment;
    const { maxRecipients, routes, concurrency } = delivery;
    const hopOf = (domain: string) => configuredHop(domain, routes);
    const plan = planRecipients(signed.envelope.to, { maxRecipients, hopOf });
    const outcomes: RecipientOutcome[] = [];
    const work = { signed, environment, signal, routes: new RouteScope(environment, signal) };
    const visits = new Map<string, Visit>();
    await forEachLimit(plan.deliveries, concurrency, async (planned) => {
      const results = await this.#attempt(planned, work, visits);
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

  /** Makes one delivery, as part of the message's current visit to the destination or of a new one. */
  async #attempt(
    planned: PlannedDelivery,
    work: Work,
    visits: Map<string, Visit>,
  ): Promise<RecipientOutcome[]> {
    const site = siteOfHop(planned.domain, await work.routes.nextHop(planned.domain)) ?? planned.domain;
    let visit = visits.get(site);
    if (!visit) {
      visit = this.#visit(site, work);
      visits.set(site, visit);
    }
    visit.deliveries++;
    try {
      const scope = await visit.begun;
      const results = await attemptDelivery(planned, work.signed, 1, scope);
      visit.outcomes.push(...results);
      return results;
    } finally {
      if (--visit.deliveries === 0) {
        visits.delete(site);
        visit.end();
        await visit.over;
      }
    }
  }

  /** Waits for a slot of the destination, and holds it until the deliveries of the visit are made. */
  #visit(site: string, { environment, signal, routes }: Work): Visit {
    const { delivery, random, experiences } = environment;
    const begun = Promise.withResolvers<AttemptScope>();
    const ended = Promise.withResolvers<void>();
    const outcomes: RecipientOutcome[] = [];
    const stay = async () => {
      const scope = new AttemptScope(environment, {
        connections: this.#connections.open(),
        routes,
        experiences: experiences.open(),
        source: chooseSource(delivery.sources, random),
        signal,
      });
      begun.resolve(scope);
      await ended.promise;
      await scope.end();
      return { result: undefined, feedback: siteFeedbackOf(outcomes) };
    };
    const over = this.#slots.run(site, stay, signal);
    return { begun: begun.promise, outcomes, deliveries: 0, end: ended.resolve, over };
  }
}

/** A message that is being sent. */
interface Work {
  readonly signed: SignedMessage;
  readonly environment: AttemptEnvironment;
  readonly signal: AbortSignal | undefined;
  readonly routes: RouteScope;
}

/** The deliveries of one message to one destination, which share a slot and its connection. */
interface Visit {
  /** Resolves when the destination has a slot. */
  readonly begun: Promise<AttemptScope>;
  readonly outcomes: RecipientOutcome[];
  /** Number of deliveries that have not ended. */
  deliveries: number;
  readonly end: () => void;
  readonly over: Promise<unknown>;
}
