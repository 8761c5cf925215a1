import type { DkimAlgorithm } from '@mb/dkim';
import type { BookedDomain } from './domain-book.ts';
import type { DomainSettings } from './domain-record.ts';
import type { KeyState, Sighting } from './key-state.ts';
import { type DomainRecord, keyRecordOf, policyRecordsOf, type ServiceFacts } from './published-records.ts';
import type { CheckedRecord } from './record-check.ts';

/** A key of a domain, as it is shown: without the private key. */
export interface DomainKey {
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  readonly state: KeyState;
  /** Whether messages are signed with it now. */
  readonly signs: boolean;
  /** Since when it has been in its state, in epoch milliseconds. */
  readonly since: number;
  /** `retiring`: until when it must stay published, in epoch milliseconds. */
  readonly keepUntil?: number;
  /** What the authoritative servers said at the last look; absent before the first. */
  readonly seen?: Sighting;
  /** A sentence about that. */
  readonly detail?: string;
  /** The record to publish. */
  readonly record: DomainRecord;
}

/** A domain that mail is sent as, as it is shown. */
export interface ManagedDomain extends DomainSettings {
  /** In A-labels and lower case. */
  readonly domain: string;
  /** Grows with each change, including changes of what was seen of its keys; `change()` takes it as `ifVersion`. */
  readonly version: number;
  /** Absent: that of all tenants. */
  readonly tenant?: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Whether mail of the domain can be signed. While it cannot, it waits. */
  readonly ready: boolean;
  /** A sentence: the next step, and who has to take it. */
  readonly status: string;
  readonly keys: readonly DomainKey[];
  /** What to publish, and what may go. */
  readonly records: readonly DomainRecord[];
}

/** A domain with what its servers said just now. */
export interface DomainCheck {
  readonly domain: ManagedDomain;
  readonly records: readonly CheckedRecord[];
  /** Whether every record that is required is seen. */
  readonly ok: boolean;
}

/** A stored domain as it is shown. */
export function viewDomain({ domain, version, stored }: BookedDomain, service: ServiceFacts): ManagedDomain {
  const { sets, returnPathSecret: _, changedAt: __, ...facts } = stored;
  const keys = sets.flatMap((set) =>
    set.keys.map((key): DomainKey => {
      const signs = set.state === 'active' && !key.withdrawn;
      return {
        selector: key.selector,
        algorithm: key.algorithm,
        state: set.state,
        signs,
        since: set.since,
        ...(set.keepUntil !== undefined && { keepUntil: set.keepUntil }),
        ...key.sighting,
        record: keyRecordOf(domain, key, set.state),
      };
    }),
  );
  const ready = keys.some(({ signs }) => signs);
  return {
    domain,
    version,
    ...facts,
    ready,
    status: statusOf(keys),
    keys,
    records: [...keys.map(({ record }) => record), ...policyRecordsOf(domain, stored, service)],
  };
}

function statusOf(keys: readonly DomainKey[]): string {
  const of = (...states: KeyState[]) => keys.filter(({ state }) => states.includes(state));
  const names = (some: readonly DomainKey[]) => some.map(({ selector }) => selector).join(', ');
  const active = of('active');
  const pending = of('next', 'published');
  const lost = active.filter(({ signs }) => !signs);
  const removable = of('removable');
  if (lost.length > 0) {
    const waits = lost.length === active.length ? ' Mail waits until then.' : '';
    return `The record of ${names(lost)} is gone: publish it again, on all servers of the zone.${waits}`;
  }
  if (of('next').length > 0) {
    const waits = active.length === 0 ? ' Mail waits until then.' : '';
    const missing = of('next').filter(({ seen }) => seen !== 'seen');
    return `Publish ${names(missing.length > 0 ? missing : pending)} on all servers of the zone.${waits}`;
  }
  if (pending.length > 0) return `${names(pending)} is seen, and will sign when resolvers can know of it.`;
  if (active.length === 0) return 'There is no key: rotate. Mail waits until then.';
  if (removable.length > 0) return `The record of ${names(removable)} may go.`;
  const retiring = of('retiring');
  if (retiring.length === 0) return 'In order.';
  const until = new Date(Math.max(...retiring.map(({ keepUntil = 0 }) => keepUntil))).toISOString();
  return `In order. Keep ${names(retiring)} published until ${until}.`;
}
