import { integer, type OptionTable, text, word } from '../option-table.ts';

/**
 * What the DNS server does instead of answering truthfully.
 *
 * - `SERVFAIL` `REFUSED` `FORMERR` `NOTIMP` `NXDOMAIN`: that response code, without records.
 * - `drop`: no answer. `close`: no answer, and over TCP the connection is closed.
 * - `garbage`: octets that are no DNS message. `cut`: the right answer without its second half.
 * - `wrong-id`, `wrong-question`: a well-formed answer to something else.
 * - `truncated`: TC set and nothing else over UDP; the true answer over TCP.
 * - `{ delayMs }`: the true answer (or `failure`) later.
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

/** Which questions a failure is shown to. */
export interface FailureScope {
  /** Only questions of this type; default all. */
  readonly type?: string | undefined;
  /** Only over this transport; default both. */
  readonly transport?: 'udp' | 'tcp' | undefined;
  /** Number of questions that fail. Default: all until the failure is healed. */
  readonly times?: number | undefined;
}

/** What `FailureScope` accepts. */
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

/** The failures that a server was told to show, by name. */
export class FailureTable {
  readonly #rules = new Map<string, Rule[]>();

  /** The newest rule for a name wins; `*` is every name. */
  add(name: string, failure: DnsFailure, scope: FailureScope): void {
    const rule = { failure, scope, left: scope.times ?? Number.POSITIVE_INFINITY };
    this.#rules.set(name, [rule, ...(this.#rules.get(name) ?? [])]);
  }

  clear(name?: string): void {
    if (name === undefined) this.#rules.clear();
    else this.#rules.delete(name);
  }

  /** The failure for this question, counted as shown. */
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
