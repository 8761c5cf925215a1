import type { CheckedRecord, DomainChanges, MtaStsSuggestion, NewDomain } from '@mb/broker/domains';
import type { components } from '@mb/server/client';

/** A domain as commands print it, and as a server shows it. */
export type ShownDomain = components['schemas']['Domain'];

/** What the servers of a domain say, as commands print it. */
export interface ShownCheck {
  readonly ok: boolean;
  readonly domain: ShownDomain;
  readonly records: readonly CheckedRecord[];
}

/** What commands do with domains, be they in a queue that is opened here or behind a server. */
export interface DomainAccess {
  add(domain: NewDomain): Promise<ShownDomain>;
  list(): Promise<readonly ShownDomain[]>;
  get(domain: string): Promise<ShownDomain>;
  change(domain: string, changes: DomainChanges): Promise<ShownDomain>;
  mtaSts(domain: string): Promise<MtaStsSuggestion>;
  check(domain: string): Promise<ShownCheck>;
  rotate(domain: string): Promise<ShownDomain>;
  removeKey(domain: string, selector: string, force: boolean): Promise<ShownDomain>;
  remove(domain: string): Promise<void>;
}
