/**
 * The life of DKIM keys: all transitions, as a pure function of what was seen in DNS and the time.
 *
 * ```
 * next ──seen by all──► published ──settled──► active ──a later set is active──► retiring ──time──► removable ──gone──► (deleted)
 *   ▲                      │
 *   └──missing, different──┘
 * ```
 */

/**
 * Where a set of keys is in its life.
 *
 * - `next`: made; not seen by all authoritative servers
 * - `published`: all of them have it; it becomes active when it was seen for long enough
 * - `active`: signs
 * - `retiring`: no longer signs; stays published, since mail that it signed is still on its way
 * - `removable`: its records may go; when they are gone it is deleted
 */
export type KeyState = 'next' | 'published' | 'active' | 'retiring' | 'removable';

/**
 * What the authoritative servers of a zone say about a key.
 *
 * - `seen`: every server has its record
 * - `absent`: every server says that there is none
 * - `different`: every server has the same record, which is not that of the key
 * - `contradictory`: the servers differ, or there are several records
 * - `unknown`: a server did not answer
 */
export type Sighting = 'seen' | 'absent' | 'different' | 'contradictory' | 'unknown';

/** What one check found about a key. */
export interface KeySighting {
  readonly seen: Sighting;
  /** A sentence: who says what. */
  readonly detail: string;
  /** For how long resolvers may remember that there was no record, in milliseconds. */
  readonly negativeTtlMs: number;
}

/** A key as the transitions see it. */
export interface KeyInSet {
  readonly selector: string;
  /** What the last check found. */
  readonly sighting?: Omit<KeySighting, 'negativeTtlMs'>;
  /** All servers said that the record of this active key is gone: it does not sign until it is seen again. */
  readonly withdrawn?: boolean;
}

/** Keys that are made, switched to and retired together: one for each algorithm. */
export interface KeySet<Key extends KeyInSet = KeyInSet> {
  /** Grows with each rotation. */
  readonly number: number;
  readonly state: KeyState;
  /** Time of the last change of state, in epoch milliseconds. */
  readonly since: number;
  /** `published`: since when all servers have had it at every look, in epoch milliseconds. */
  readonly seenSince?: number;
  /** How long resolvers may have remembered that it was missing, in milliseconds. */
  readonly negativeTtlMs?: number;
  /** `retiring`: until when it must stay published, in epoch milliseconds. */
  readonly keepUntil?: number;
  readonly keys: readonly Key[];
}

/** Times that decide. */
export interface RotationTimes {
  /** How long a set must have been seen before it replaces another, in milliseconds. */
  readonly settleMs: number;
  /** How long a set stays published after its last signature, in milliseconds. */
  readonly retireMs: number;
}

/** A zone may claim a negative TTL of weeks; resolvers remember at most this long (RFC 2308 §5: 1 to 3 hours is sensible). */
const maxNegativeTtlMs = 3 * 3_600_000;

/**
 * The sets of a domain after a lookup of their records.
 *
 * @param sightings  By selector; a key that was not looked at counts as unknown.
 * @returns the sets, in the order of their numbers; those whose records are gone are left out. At most one is active.
 */
export function advanceKeys<Key extends KeyInSet>(
  sets: readonly KeySet<Key>[],
  sightings: ReadonlyMap<string, KeySighting>,
  now: number,
  times: RotationTimes,
): KeySet<Key>[] {
  const looked = sets.map((set) => noteSightings(set, sightings)).map((set) => advanceSet(set, now));
  const active = looked.find(({ state }) => state === 'active');
  const successor = looked.findLast((set) => set.state === 'published' && isSettled(set, active, now, times));
  return looked
    .map((set) => {
      if (set === successor) return entered(set, 'active', now);
      if (set === active && successor) {
        return { ...entered(set, 'retiring', now), keepUntil: now + times.retireMs };
      }
      return set;
    })
    .filter((set) => !isGone(set));
}

/** The keys that may sign now. */
export function signingKeys<Key extends KeyInSet>(sets: readonly KeySet<Key>[]): readonly Key[] {
  return sets.find(({ state }) => state === 'active')?.keys.filter(({ withdrawn }) => !withdrawn) ?? [];
}

function noteSightings<Key extends KeyInSet>(
  set: KeySet<Key>,
  sightings: ReadonlyMap<string, KeySighting>,
): KeySet<Key> {
  const found = set.keys.map(({ selector }) => sightings.get(selector));
  const negativeTtlMs = Math.max(set.negativeTtlMs ?? 0, ...found.map((one) => one?.negativeTtlMs ?? 0));
  const keys = set.keys.map((key, index) => noteSighting(key, found[index], set.state));
  return { ...set, keys, ...(negativeTtlMs > 0 && { negativeTtlMs }) };
}

function noteSighting<Key extends KeyInSet>(key: Key, found: KeySighting | undefined, state: KeyState): Key {
  if (!found) return key;
  const { withdrawn: before, ...rest } = key;
  const { seen, detail } = found;
  // Only certain answers count: a server that is silent or outdated neither stops a key from signing nor lets it sign
  // again.
  const isCertain = seen === 'seen' || seen === 'absent' || seen === 'different';
  const withdrawn = state === 'active' && (isCertain ? seen !== 'seen' : before === true);
  return { ...(rest as Key), sighting: { seen, detail }, ...(withdrawn && { withdrawn }) };
}

function advanceSet<Key extends KeyInSet>(set: KeySet<Key>, now: number): KeySet<Key> {
  switch (set.state) {
    case 'next':
      return allAre(set, 'seen') ? { ...entered(set, 'published', now), seenSince: now } : set;
    case 'published': {
      if (allAre(set, 'seen')) return { ...set, seenSince: set.seenSince ?? now };
      const { seenSince: _, ...rest } = set;
      // A silent server restarts the settling time; a server without the record makes the key `next` again.
      return set.keys.every(({ sighting }) => sighting?.seen === 'seen' || sighting?.seen === 'unknown')
        ? rest
        : entered(rest, 'next', now);
    }
    case 'retiring':
      return now >= (set.keepUntil ?? Number.POSITIVE_INFINITY) ? entered(set, 'removable', now) : set;
    default:
      return set;
  }
}

function isSettled<Key extends KeyInSet>(
  { keys, seenSince, negativeTtlMs = 0 }: KeySet<Key>,
  active: KeySet<Key> | undefined,
  now: number,
  { settleMs }: RotationTimes,
): boolean {
  if (seenSince === undefined || !keys.every(({ sighting }) => sighting?.seen === 'seen')) return false;
  // The first keys of a domain replace none: mail waits for them.
  if (!active) return true;
  return now - seenSince >= Math.max(settleMs, Math.min(negativeTtlMs, maxNegativeTtlMs));
}

function isGone(set: KeySet): boolean {
  return set.state === 'removable' && allAre(set, 'absent');
}

function allAre({ keys }: KeySet, wanted: Sighting): boolean {
  return keys.every(({ sighting }) => sighting?.seen === wanted);
}

function entered<Set extends KeySet>(set: Set, state: KeyState, now: number): Set {
  const { keepUntil: _, seenSince: _seen, ...rest } = set;
  return { ...(rest as Set), state, since: now };
}
