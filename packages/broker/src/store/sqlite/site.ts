import { type Learned, siteSpeeds } from '../learned.ts';
import { freshPacing, type Pacing, type SiteLimits } from '../pacing.ts';

/** A row of the table of destinations, with its JSON parsed. */
export interface Site {
  readonly name: string;
  readonly suspended: boolean;
  readonly note: string | null;
  readonly ownLimits: Partial<SiteLimits>;
  readonly limits: SiteLimits;
  readonly pacing: Pacing;
  readonly arrivals: readonly number[];
  /** Epoch milliseconds of the latest claim. */
  readonly used: number;
  readonly learned: Learned;
}

export interface SiteRow {
  readonly name: string;
  /** Microseconds. */
  readonly ready: number;
  readonly suspended: number;
  readonly note: string | null;
  readonly limits: string | null;
  readonly pacing: string | null;
  readonly arrivals: string;
  readonly used: number;
  readonly speed: number;
  readonly learned: string;
}

export function siteOf(row: SiteRow, defaults: SiteLimits): Site {
  const ownLimits = row.limits === null ? {} : (JSON.parse(row.limits) as Partial<SiteLimits>);
  const limits = { ...defaults, ...ownLimits };
  return {
    name: row.name,
    suspended: row.suspended !== 0,
    note: row.note,
    ownLimits,
    limits,
    pacing: row.pacing === null ? freshPacing(defaults) : (JSON.parse(row.pacing) as Pacing),
    arrivals: JSON.parse(row.arrivals) as number[],
    used: row.used,
    learned: {
      speed: siteSpeeds[row.speed] ?? 'new',
      hosts: JSON.parse(row.learned) as Learned['hosts'],
    },
  };
}
