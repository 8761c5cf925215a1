import type { Health } from '../mail-worker.ts';
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

/** From when on a rule fires. What is left out has its default. */
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
  /** Names of keys that are not published, such as `s1._domainkey.example.com`. */
  readonly unpublishedKeys: readonly string[];
  /** Certificates with their end, in epoch milliseconds. */
  readonly certificates: readonly { readonly name: string; readonly endsAt: number }[];
  /** Disks with the share of them that is free. */
  readonly disks: readonly { readonly path: string; readonly free: number }[];
}

const leastFinished = 50;
const leastOfProvider = 10;
const percent = (share: number) => `${Math.round(share * 100)} %`;

/** What each rule says of the facts: one sentence while it holds, else undefined. Pure. */
export const rules: {
  readonly [Name in AlertName]: (
    facts: AlertFacts,
    thresholds: Required<{ [K in keyof AlertThresholds]: number }>,
  ) => string | undefined;
} = {
  'queue-age': ({ now, health: { oldestDueAt } }, { queueAgeMs }) => {
    const age = oldestDueAt === undefined ? 0 : now - oldestDueAt;
    if (age <= queueAgeMs) return undefined;
    return `Mail has been due for ${Math.round(age / 60_000)} minutes. Is a worker running, and what do the logs say?`;
  },
  'bounce-rate': ({ rates }, { bounceRate }) => {
    const { delivered, failed } = rates.total();
    const share = failed / Math.max(1, delivered + failed);
    if (delivered + failed < leastFinished || share <= bounceRate) return undefined;
    return `${percent(share)} of the recipients of the last 15 minutes failed (${failed} of ${delivered + failed}). Check the list that is sent to.`;
  },
  'provider-blocked': ({ rates }, { blockedRate }) => {
    const found = rates.providers().filter(([, { all, blocked }]) => {
      return all >= leastOfProvider && blocked / all > blockedRate;
    });
    if (found.length === 0) return undefined;
    const names = found.map(([name, { all, blocked }]) => `${name} (${blocked} of ${all})`).join(', ');
    return `Mail is refused because of who sends it, by ${names}. "mb explain-reply" says what the replies mean.`;
  },
  throttled: ({ rates }, { throttledRate }) => {
    const { all, throttled } = rates.total();
    if (all < leastFinished || throttled / all <= throttledRate) return undefined;
    return `${percent(throttled / all)} of the recipients of the last 15 minutes were deferred with 421. Send more slowly.`;
  },
  'port-blocked': ({ health }) => health.portBlocked,
  resolver: ({ health }) => health.resolverTrouble,
  'key-unpublished': ({ unpublishedKeys }) =>
    unpublishedKeys.length === 0
      ? undefined
      : `Mail is signed with keys that are not in DNS: ${unpublishedKeys.slice(0, 10).join(', ')}. Publish them.`,
  'certificate-expiring': ({ now, certificates }, { certificateDays }) => {
    const ending = certificates.filter(({ endsAt }) => endsAt - now < certificateDays * 86_400_000);
    if (ending.length === 0) return undefined;
    const ends = ending.map(({ name, endsAt }) => `${name} (${new Date(endsAt).toISOString().slice(0, 10)})`);
    return `Certificates end soon: ${ends.join(', ')}. Renew them.`;
  },
  'disk-full': ({ disks }, { freeDisk }) => {
    const full = disks.filter(({ free }) => free < freeDisk);
    if (full.length === 0) return undefined;
    return `Disks are nearly full: ${full.map(({ path, free }) => `${path} (${percent(free)} free)`).join(', ')}.`;
  },
};
