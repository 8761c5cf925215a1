import type { CheckedRecord, DomainChanges, MtaStsSuggestion, NewDomain } from '@mb/broker/domains';
import type { components } from '@mb/server/client';

/** A domain as commands and the HTTP API show it. */
export type ShownDomain = components['schemas']['Domain'];

/** The result of checking a domain's records, as commands print it. */
export interface ShownCheck {
  readonly ok: boolean;
  readonly domain: ShownDomain;
  readonly records: readonly CheckedRecord[];
}

/** The operations on domains, in a queue opened by this process or through the API of a server. */
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
