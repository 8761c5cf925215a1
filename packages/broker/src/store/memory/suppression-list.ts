import type { Page } from '../port.ts';
import { type NewSuppression, type Suppression, suppressionKey } from '../suppression.ts';

/** The suppression list of the memory store. */
export class MemorySuppressionList {
  readonly #entries = new Map<string, Suppression>();

  add(entries: readonly NewSuppression[], now: number): void {
    for (const { address, reason, tenant = '', detail } of entries) {
      const name = entryName(address, tenant);
      if (this.#entries.has(name)) continue;
      const key = suppressionKey(address);
      this.#entries.set(name, { address: key, reason, tenant, since: now, ...(detail && { detail }) });
    }
  }

  find(addresses: readonly string[], tenant: string): Suppression[] {
    const names = new Set(addresses.map((address) => entryName(address, tenant)));
    return [...names].flatMap((name) => this.#entries.get(name) ?? []);
  }

  delete(addresses: readonly string[], tenant: string): number {
    return addresses.filter((address) => this.#entries.delete(entryName(address, tenant))).length;
  }

  list(tenant: string | undefined, after: string | undefined, limit: number): Page<Suppression> {
    const names = [...this.#entries.keys()].sort();
    const wanted = names.filter((name) => {
      return (
        (after === undefined || name > after) && (tenant === undefined || name.startsWith(`${tenant}\n`))
      );
    });
    const shown = wanted.slice(0, limit);
    const rows = shown.map((name) => this.#entries.get(name)!);
    return shown.length < wanted.length ? { rows, next: shown.at(-1)! } : { rows };
  }
}

function entryName(address: string, tenant: string): string {
  return `${tenant}\n${suppressionKey(address)}`;
}
