import type { QueueStore, RecipientView } from '../src/store/port.ts';
import type { QueueEvent } from '../src/store/queue-event.ts';
import { isSlow, type WorldEvent } from './scenario.ts';
import type { Acceptance } from './simulated-host.ts';
import { tenantsApart } from './tenants.ts';
import type { RunRecord } from './world.ts';

/** What must hold after every run, whatever went wrong in it (rules SIM-02 to SIM-07). Gives what does not. */
export async function findViolations(record: RunRecord): Promise<string[]> {
  const recipients = await allRecipients(record.store);
  const events = await allEvents(record.store);
  return [
    ...(record.unfinished === undefined ? [] : [`the run ends: ${record.unfinished}`]),
    ...(await nothingLost(record, recipients)),
    ...(await truth(record, recipients)),
    ...settledOnce(recipients, events),
    ...(await duplicatesExcused(record, events)),
    ...limitsKept(record),
    ...neverAhead(record),
    ...sessionLimitsSpendNothing(record, recipients),
    ...expiryKept(recipients, events),
    ...suspensionsKept(record, recipients, events),
    ...credentialsBlameNobody(recipients),
    ...reportsMade(record, recipients, events),
    ...(await tenantsKeptApart(record, recipients)),
  ];
}

const final = ['delivered', 'failed', 'expired', 'cancelled'];

/** Everything accepted is there, recipient by recipient, and ended or waits by its policy. */
async function nothingLost(
  { accepted, store }: RunRecord,
  recipients: readonly RecipientView[],
): Promise<string[]> {
  const problems: string[] = [];
  for (const [id, queued] of accepted) {
    const message = await store.inspect(id);
    const addresses = message?.recipients.map(({ address }) => address).sort();
    if (JSON.stringify(addresses) !== JSON.stringify([...queued].sort()))
      problems.push(`message ${id} was accepted and is lost`);
  }
  for (const { recipientId, state, inFlight } of recipients) {
    const waits = state === 'unknown' || state === 'held';
    if (inFlight || (!final.includes(state) && !waits))
      problems.push(`recipient ${recipientId} ends as ${state}${inFlight ? ', in flight' : ''}`);
  }
  return problems;
}

/** `delivered` is said exactly of what a host took. */
async function truth(record: RunRecord, recipients: readonly RecipientView[]): Promise<string[]> {
  const problems: string[] = [];
  for (const recipient of recipients) {
    const taken = await acceptancesOf(recipient, record);
    const certain = taken.filter((one) => one.replied && diedAfter(record, one) === undefined);
    if (recipient.state === 'delivered' && taken.length === 0) {
      problems.push(`recipient ${recipient.recipientId} is called delivered and no host took it`);
    }
    // RFC 5321 §4.2.5: what a host has taken with a reply that arrived must not be called anything else.
    if (certain.length > 0 && recipient.state !== 'delivered') {
      problems.push(
        `recipient ${recipient.recipientId} was taken by ${certain[0]!.host} and is called ${recipient.state}`,
      );
    }
  }
  return problems;
}

/** The log tells one end for each recipient, the one that it has, and numbers attempts without a gap. */
function settledOnce(recipients: readonly RecipientView[], events: readonly QueueEvent[]): string[] {
  const problems: string[] = [];
  const byRecipient = new Map<string, QueueEvent[]>();
  for (const event of events) {
    if (event.recipientId === undefined) continue;
    byRecipient.set(event.recipientId, [...(byRecipient.get(event.recipientId) ?? []), event]);
  }
  for (const { recipientId, state, attempts } of recipients) {
    const story = byRecipient.get(recipientId) ?? [];
    const ends = story.filter(({ type }) => final.includes(type));
    if (ends.length !== (final.includes(state) ? 1 : 0) || (ends[0] && ends[0].type !== state)) {
      problems.push(
        `recipient ${recipientId} is ${state} and its log ends ${ends.map(({ type }) => type).join(' ') || 'nowhere'}`,
      );
    }
    const numbers = story.filter(({ type }) => type === 'attempted').map(({ attempt }) => attempt);
    const returned = story.filter(({ type }) => type === 'returned').length;
    if (numbers.length - returned !== attempts && !story.some(({ type }) => type === 'delivered')) {
      problems.push(
        `recipient ${recipientId} counts ${attempts} attempts; its log ${numbers.length}, ${returned} of them returned`,
      );
    }
    const behind = story.slice(story.findIndex(({ type }) => final.includes(type)) + 1);
    if (ends.length > 0 && behind.some(({ type }) => type === 'attempted')) {
      problems.push(`recipient ${recipientId} was attempted after its end`);
    }
  }
  const cursors = events.map(({ cursor }) => Number(cursor));
  if (cursors.some((cursor, index) => index > 0 && cursor <= cursors[index - 1]!))
    problems.push('events are out of order');
  return problems;
}

/**
 * No copy too many: a host has a message twice only where its first reply was lost (it broke off, or a stopped process
 * did), where the process died before it wrote the outcome down, where the clock leapt over the lease, which looks the
 * same to the store, or where the store did not take the outcome.
 */
async function duplicatesExcused(record: RunRecord, events: readonly QueueEvent[]): Promise<string[]> {
  const problems: string[] = [];
  const attempted = new Set(
    events.filter(({ type }) => type === 'attempted').map(({ recipientId }) => recipientId),
  );
  for (const recipient of await allRecipients(record.store)) {
    if (!attempted.has(recipient.recipientId)) continue;
    const taken = await acceptancesOf(recipient, record);
    for (const [index, one] of taken.slice(0, -1).entries()) {
      const next = taken[index + 1]!;
      const unwritten = [...record.leaps, ...record.storeTroubles].some(
        ({ from, to }) => from <= next.step && to >= one.sessionStep,
      );
      const excused =
        one.lost !== undefined || brokenOff(record, one) || diedAfter(record, one) !== undefined || unwritten;
      if (!excused) {
        problems.push(
          `recipient ${recipient.recipientId}: ${one.host} took it, and ${next.host} again without need`,
        );
      }
    }
  }
  return problems;
}

/**
 * A reply is lost because of a later message only where the host had earned a window of several messages: it had answered
 * at least 16 messages by then.
 */
function neverAhead({ acceptances }: RunRecord): string[] {
  return acceptances
    .filter(({ lost, answeredBefore = 0 }) => lost === 'behind' && answeredBefore < 16)
    .map(({ host, messageId }) => `the reply of ${host} to ${messageId} was lost because of a later message`);
}

/**
 * Where nothing goes wrong but that hosts take only some messages a session or refuse BDAT, each good mailbox has its mail
 * at the first attempt.
 */
function sessionLimitsSpendNothing(
  { scenario, happened }: RunRecord,
  recipients: readonly RecipientView[],
): string[] {
  const troubles: readonly WorldEvent['kind'][] = ['crash', 'clock-jump', 'dns-trouble', 'store-trouble'];
  const hosts = scenario.domains.flatMap((domain) => domain.hosts);
  const troubled =
    hosts.some(({ trouble }) => Object.values(trouble).some((likelihood) => likelihood > 0)) ||
    // One that holds replies back may hold that to MAIL for longer than its timeout.
    hosts.some((host) => isSlow(host) && host.buffers) ||
    scenario.events.some(({ kind }) => troubles.includes(kind)) ||
    [...happened.keys()].some((what) => what.startsWith('death'));
  if (troubled) return [];
  const mailboxes = new Map(scenario.domains.flatMap((domain) => Object.entries(domain.mailboxes)));
  return recipients
    .filter(({ address }) => mailboxes.get(address)?.kind === 'good')
    .filter(({ state, attempts }) => state === 'delivered' && attempts !== 1)
    .map(
      ({ recipientId, attempts }) => `recipient ${recipientId} took ${attempts} attempts without any trouble`,
    );
}

/**
 * No host sees more connections than its site may have; a leap of the clock, or a store that takes no signs of life,
 * ends leases whose connections live on.
 */
function limitsKept({ hosts, scenario, leaps, storeTroubles }: RunRecord): string[] {
  if (leaps.length > 0 || storeTroubles.length > 0) return [];
  // A host that a tenant names as its relay is a destination of its own.
  const destinations = (name: string) =>
    1 + Number(scenario.tenants.some(({ ownRoute }) => ownRoute?.host === name));
  return hosts
    .filter(({ mostOpen, plan }) => mostOpen > scenario.maxConcurrency * destinations(plan.name))
    .map(
      ({ plan, mostOpen }) =>
        `${plan.name} saw ${mostOpen} connections at once; ${scenario.maxConcurrency} were allowed`,
    );
}

/** No attempt begins after the lifetime. */
function expiryKept(recipients: readonly RecipientView[], events: readonly QueueEvent[]): string[] {
  const expiresAt = new Map(recipients.map((recipient) => [recipient.recipientId, recipient.expiresAt]));
  return events
    .filter(
      ({ type, recipientId, at }) => type === 'attempted' && at > (expiresAt.get(recipientId!) ?? Infinity),
    )
    .map(({ recipientId }) => `recipient ${recipientId} was attempted after its lifetime`);
}

/**
 * What is claimed for a domain while it is suspended comes back without having been offered to a host. A leap of the clock
 * or a store in trouble lets the truth about an earlier attempt come late.
 */
function suspensionsKept(
  { suspensions, leaps, storeTroubles }: RunRecord,
  recipients: readonly RecipientView[],
  events: readonly QueueEvent[],
): string[] {
  if (leaps.length > 0 || storeTroubles.length > 0) return [];
  const problems: string[] = [];
  for (const { domain, from, to } of suspensions) {
    const ids = new Set(recipients.filter((each) => each.domain === domain).map((each) => each.recipientId));
    for (const id of ids) {
      const story = events.filter(({ recipientId }) => recipientId === id);
      for (const [index, { type, cursor }] of story.entries()) {
        const during = Number(cursor) > Number(from) && (to === undefined || Number(cursor) <= Number(to));
        const next = story[index + 1]?.type;
        if (type === 'attempted' && during && (next === 'delivered' || next === 'failed'))
          problems.push(`recipient ${id} was attempted while ${domain} was suspended`);
      }
    }
  }
  return problems;
}

/** A relay that refuses our password says nothing about a recipient. */
function credentialsBlameNobody(recipients: readonly RecipientView[]): string[] {
  return recipients
    .filter(({ state, detail }) => state === 'failed' && (detail as { stage?: string })?.stage === 'auth')
    .map(({ recipientId }) => `recipient ${recipientId} failed because a relay refused our password`);
}

/** A sender that asks for reports gets one for each recipient that failed or expired; no other sender gets any. */
function reportsMade(
  { accepted, reported }: RunRecord,
  recipients: readonly RecipientView[],
  events: readonly QueueEvent[],
): string[] {
  const bounces = new Map<string, number>();
  for (const { type, recipientId = '' } of events)
    if (type === 'bounced') bounces.set(recipientId, (bounces.get(recipientId) ?? 0) + 1);
  return recipients
    .filter(({ messageId }) => accepted.has(messageId))
    .filter(({ recipientId, messageId, state }) => {
      const due = reported.has(messageId) && (state === 'failed' || state === 'expired');
      return (bounces.get(recipientId) ?? 0) !== Number(due);
    })
    .map(({ recipientId, state }) => {
      return `recipient ${recipientId} ${state} and was reported ${bounces.get(recipientId) ?? 0} times`;
    });
}

async function tenantsKeptApart(
  { scenario, acceptances, store }: RunRecord,
  recipients: readonly RecipientView[],
): Promise<string[]> {
  const tenants = new Map<string, string>();
  for (const id of new Set(recipients.map(({ messageId }) => messageId))) {
    const message = await store.inspect(id);
    const { messageId } = (message?.envelope ?? {}) as { messageId?: string };
    if (message && messageId) tenants.set(messageId, message.tenant);
  }
  return tenantsApart(scenario.tenants, acceptances, (messageId) => tenants.get(messageId));
}

async function acceptancesOf(recipient: RecipientView, record: RunRecord): Promise<Acceptance[]> {
  const message = await record.store.inspect(recipient.messageId);
  const { messageId } = (message?.envelope ?? {}) as { messageId?: string };
  return record.acceptances.filter(
    (one) => one.messageId === messageId && one.recipients.includes(recipient.address),
  );
}

/** The process was stopped, and its patience was over before the reply came. */
function brokenOff({ processes }: RunRecord, { life, replied, step }: Acceptance): boolean {
  const { stoppingAt } = processes[life]!;
  return !replied && stoppingAt !== undefined && stoppingAt <= step;
}

/** The step at which the process that handed a message over died without warning, if it did. */
function diedAfter({ processes }: RunRecord, { life }: Acceptance): number | undefined {
  return processes[life]?.diedAt;
}

/** All recipients of the queue. */
export async function allRecipients(store: QueueStore<unknown>): Promise<RecipientView[]> {
  const rows: RecipientView[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.list({}, { limit: 1000, ...(after !== undefined && { after }) });
    rows.push(...page.rows);
    if (page.next === undefined) return rows;
    after = page.next;
  }
}

/** The whole event log. */
export async function allEvents(store: QueueStore<unknown>): Promise<QueueEvent[]> {
  const events: QueueEvent[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await store.events(cursor);
    if (page.events.length === 0) return events;
    events.push(...page.events);
    cursor = page.cursor;
  }
}
