import { integer, type OptionTable, text, word } from '../option-table.ts';

/**
 * A failure that the DNS server simulates.
 *
 * - `SERVFAIL` `REFUSED` `FORMERR` `NOTIMP` `NXDOMAIN`: that response code, without records.
 * - `drop`: no answer. `close`: no answer, and over TCP the connection is closed.
 * - `garbage`: octets that are not a DNS message. `cut`: the first half of the right answer.
 * - `wrong-id`, `wrong-question`: a well-formed answer to another question.
 * - `truncated`: the TC flag without records over UDP; the right answer over TCP.
 * - `{ delayMs }`: the right answer, or `failure`, after a delay.
 */
export type DnsFailure =
  | 'SERVFAIL'
  | 'REFUSED'
  | 'FORMERR'
  | 'NOTIMP'
  | 'NXDOMAIN'
  | 'drop'
  | 'close'
  | 'garbage'
  | 'cut'
  | 'wrong-id'
  | 'wrong-question'
  | 'truncated'
  | { readonly delayMs: number; readonly failure?: Exclude<DnsFailure, object> };

/** The questions that a failure applies to. */
export interface FailureScope {
  /** Only questions of this type; default all. */
  readonly type?: string | undefined;
  /** Only over this transport; default both. */
  readonly transport?: 'udp' | 'tcp' | undefined;
  /** Number of questions that fail. Default: all until the failure is healed. */
  readonly times?: number | undefined;
}

/** The checks of `FailureScope`. */
export const failureScopeOptions = {
  type: text(),
  transport: word(['udp', 'tcp']),
  times: integer(0, Number.MAX_SAFE_INTEGER),
} satisfies OptionTable<FailureScope>;

interface Rule {
  readonly failure: DnsFailure;
  readonly scope: FailureScope;
  left: number;
}

/** The configured failures of a server, by name. */
export class FailureTable {
  readonly #rules = new Map<string, Rule[]>();

  /** Adds a failure. The newest one for a name applies first; `*` means all names and applies last. */
  add(name: string, failure: DnsFailure, scope: FailureScope): void {
    const rule = { failure, scope, left: scope.times ?? Number.POSITIVE_INFINITY };
    this.#rules.set(name, [rule, ...(this.#rules.get(name) ?? [])]);
  }

  clear(name?: string): void {
    if (name === undefined) this.#rules.clear();
    else this.#rules.delete(name);
  }

  /** Returns the failure for this question and counts its use; undefined if there is none. */
  take(name: string, type: string, transport: 'udp' | 'tcp'): DnsFailure | undefined {
    for (const rule of [...(this.#rules.get(name) ?? []), ...(this.#rules.get('*') ?? [])]) {
      const { scope } = rule;
      if (rule.left <= 0 || (scope.type ?? type) !== type || (scope.transport ?? transport) !== transport)
        continue;
      rule.left--;
      return rule.failure;
    }
    return undefined;
  }
}
