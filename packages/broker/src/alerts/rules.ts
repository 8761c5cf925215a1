import type { Health } from '../mail-worker.ts';
import type { Findings, KeyState } from './facts.ts';
import type { RateWindow } from './rate-window.ts';

/** Names of the built-in rules. */
export const alertNames = [
  'queue-age',
  'bounce-rate',
  'provider-blocked',
  'throttled',
  'port-blocked',
  'resolver',
  'key-unpublished',
  'certificate-expiring',
  'disk-full',
] as const;

/** One of {@link alertNames}. */
export type AlertName = (typeof alertNames)[number];

/** Thresholds at which rules fire. Those that are left out have their defaults. */
export interface AlertThresholds {
  /** `queue-age`: milliseconds for which the oldest due recipient has been due. Default 15 minutes. */
  readonly queueAgeMs?: number | undefined;
  /** `bounce-rate`: share of finished recipients that failed, 0 to 1, over 15 minutes and at least 50. Default 0.1. */
  readonly bounceRate?: number | undefined;
  /** `provider-blocked`: share of recipients that one provider refuses because of us, likewise and at least 10. Default 0.5. */
  readonly blockedRate?: number | undefined;
  /** `throttled`: share of recipients deferred with 421, likewise and at least 50. Default 0.25. */
  readonly throttledRate?: number | undefined;
  /** `certificate-expiring`: days before the end of a certificate. Default 14. */
  readonly certificateDays?: number | undefined;
  /** `disk-full`: share of the disk that is free, 0 to 1. Default 0.1. */
  readonly freeDisk?: number | undefined;
}

/** The thresholds where the caller gives none. */
export const defaultThresholds = {
  queueAgeMs: 15 * 60_000,
  bounceRate: 0.1,
  blockedRate: 0.5,
  throttledRate: 0.25,
  certificateDays: 14,
  freeDisk: 0.1,
} as const;

/** What the rules look at. */
export interface AlertFacts {
  readonly now: number;
  readonly health: Health;
  readonly rates: RateWindow;
  /** The keys that mail is signed with. */
  readonly keys: Findings<KeyState>;
  /** Certificates with their end, in epoch milliseconds. */
  readonly certificates: Findings<{ readonly name: string; readonly endsAt: number }>;
  /** Disks with the share of them that is free. */
  readonly disks: Findings<{ readonly path: string; readonly free: number }>;
}

/** What is wrong with some items, such as disks. */
export interface ItemTrouble {
  /** A sentence about all of them. */
  readonly detail: string;
  /** Their names. */
  readonly items: readonly string[];
}

/**
 * The verdict of a rule: a sentence while it holds, with the items that it holds for where it is about several; false
 * while it does not; undefined when that is not known, so that the alert does not change.
 */
export type Verdict = string | ItemTrouble | false | undefined;

/** The verdicts of a rule that has an alert for each thing, by its name. */
export type Verdicts = ReadonlyMap<string, Verdict>;

const leastFinished = 50;
const leastOfProvider = 10;
const percent = (share: number) => `${Math.round(share * 100)} %`;

/**
 * The verdict of a rule about some items: an item about which nothing is known can neither fire the rule nor end it.
 */
function verdictOn<Found>(
  { found, failures }: Findings<Found>,
  isBad: (one: Found) => boolean,
  nameOf: (one: Found) => string,
  sentence: (bad: readonly Found[]) => string,
): Verdict {
  const bad = found.filter(isBad);
  if (bad.length > 0) return { detail: sentence(bad), items: bad.map(nameOf) };
  return failures.length > 0 ? undefined : false;
}

/** Too few recipients say nothing until a whole window was counted: a process that was just started has seen few. */
const tooFew = (rates: RateWindow): Verdict => (rates.isFull() ? false : undefined);

/** The verdict of each rule, or its verdicts. Pure. */
export const rules: {
  readonly [Name in AlertName]: (
    facts: AlertFacts,
    thresholds: Required<{ [K in keyof AlertThresholds]: number }>,
  ) => Verdict | Verdicts;
} = {
  'queue-age': ({ now, health: { oldestDueAt } }, { queueAgeMs }) => {
    const age = oldestDueAt === undefined ? 0 : now - oldestDueAt;
    if (age <= queueAgeMs) return false;
    return `Mail has been due for ${Math.round(age / 60_000)} minutes. Is a worker running, and what do the logs say?`;
  },
  'bounce-rate': ({ rates }, { bounceRate }) => {
    const { delivered, failed } = rates.total();
    const finished = delivered + failed;
    if (finished < leastFinished) return tooFew(rates);
    if (failed / finished <= bounceRate) return false;
    return `${percent(failed / finished)} of the recipients of the last 15 minutes failed (${failed} of ${finished}). Check the list that is sent to.`;
  },
  'provider-blocked': ({ rates }, { blockedRate }) => {
    const found = rates.providers().filter(([, { all, blocked }]) => {
      return all >= leastOfProvider && blocked / all > blockedRate;
    });
    // The provider that it fired for is not among those that were counted, or mail to it has stopped.
    if (found.length === 0) return tooFew(rates);
    const names = found.map(([name, { all, blocked }]) => `${name} (${blocked} of ${all})`).join(', ');
    return {
      detail: `Mail is refused because of its sender by ${names}. "mb explain-reply" says what the replies mean.`,
      items: found.map(([name]) => name),
    };
  },
  throttled: ({ rates }, { throttledRate }) => {
    const { all, throttled } = rates.total();
    if (all < leastFinished) return tooFew(rates);
    if (throttled / all <= throttledRate) return false;
    return `${percent(throttled / all)} of the recipients of the last 15 minutes were deferred with 421. Send more slowly.`;
  },
  // A process that was just started does not know of the trouble yet.
  'port-blocked': ({ health, rates }) =>
    health.portBlocked ?? (rates.total().answered > 0 ? false : tooFew(rates)),
  resolver: ({ health, rates }) =>
    health.resolverTrouble ?? (rates.total().routed > 0 ? false : tooFew(rates)),
  'key-unpublished': ({ keys }) =>
    new Map(
      keys.found.map(({ name, isPublished }): [string, Verdict] => [
        name,
        isPublished === false
          ? `Mail is signed with the key ${name}, which is not in DNS. Publish it.`
          : isPublished && false,
      ]),
    ),
  'certificate-expiring': ({ now, certificates }, { certificateDays }) =>
    verdictOn(
      certificates,
      ({ endsAt }) => endsAt - now < certificateDays * 86_400_000,
      ({ name }) => name,
      (ending) => {
        const ends = ending.map(
          ({ name, endsAt }) => `${name} (${new Date(endsAt).toISOString().slice(0, 10)})`,
        );
        return `Certificates end soon: ${ends.join(', ')}. Renew them.`;
      },
    ),
  'disk-full': ({ disks }, { freeDisk }) =>
    verdictOn(
      disks,
      ({ free }) => free < freeDisk,
      ({ path }) => path,
      (full) =>
        `Disks are nearly full: ${full.map(({ path, free }) => `${path} (${percent(free)} free)`).join(', ')}.`,
    ),
};
