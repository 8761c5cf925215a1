import type { SpfBudget } from './budget.ts';
import { checkableDomain } from './identity.ts';
import { expandDomain, type MacroContext } from './macro.ts';
import { type IpWords, isInNetwork, parseIp, readableIp } from './network.ts';
import { type SpfOutcome, type SpfProblem, type SpfResult, SpfStop, type SpfTraceEntry } from './outcome.ts';
import type { SpfMechanism, SpfModifier, SpfQualifier, SpfRecord } from './record.ts';
import { selectSpfRecord } from './select-record.ts';
import { validatedNames } from './validated-names.ts';

/** The sender, which is the same for all records of a check. */
export type SpfSender = Omit<MacroContext, 'domain' | 'validatedName'>;

/** The result of a record, with its explanation modifier for a fail. */
export interface Verdict {
  readonly outcome: Pick<SpfOutcome, 'result' | 'reason' | 'match'> & { problem?: SpfProblem };
  readonly explanation: { readonly domain: string; readonly modifier: SpfModifier } | undefined;
}

const qualifierResults: Readonly<Record<SpfQualifier, SpfResult>> = {
  '+': 'pass',
  '-': 'fail',
  '~': 'softfail',
  '?': 'neutral',
};

/** Evaluates the records of one check, and traces each step. */
export class Evaluation {
  readonly trace: SpfTraceEntry[] = [];
  readonly #budget: SpfBudget;
  readonly #sender: SpfSender;

  constructor(budget: SpfBudget, sender: SpfSender) {
    this.#budget = budget;
    this.#sender = sender;
  }

  /** Checks the sender against the record of `domain` and the records that it includes. */
  async run(domain: string): Promise<Verdict> {
    try {
      return await this.#checkDomain(domain, 0);
    } catch (stop) {
      if (!(stop instanceof SpfStop)) throw stop;
      const { result, problem, message } = stop;
      return { outcome: { result, problem, reason: message }, explanation: undefined };
    }
  }

  /** Values of macros while the record of `domain` is evaluated. */
  context(domain: string): MacroContext {
    return { ...this.#sender, domain, validatedName: () => this.#validatedName(domain) };
  }

  async #checkDomain(domain: string, depth: number): Promise<Verdict> {
    const answer = await this.#budget.need(domain, 'TXT');
    const selection = answer?.status === 'found' ? selectSpfRecord(answer.records) : undefined;
    if (selection === undefined || selection.kind === 'none') {
      const outcome = {
        result: 'none',
        problem: 'no-record',
        reason: `${domain} has no SPF record.`,
      } as const;
      return { outcome, explanation: undefined };
    }
    if (selection.kind === 'broken') {
      this.#note(domain, depth, 'v=spf1', 'error');
      throw new SpfStop('permerror', selection.problem, `The SPF record of ${domain}: ${selection.reason}`);
    }
    return this.#evaluate(selection.record, domain, depth);
  }

  async #evaluate(record: SpfRecord, domain: string, depth: number): Promise<Verdict> {
    for (const mechanism of record.mechanisms) {
      const matched =
        mechanism.network === undefined
          ? await this.#matches(mechanism, domain, depth)
          : this.#inNetwork(mechanism);
      this.#note(domain, depth, mechanism.text, matched ? 'match' : 'no-match');
      if (!matched) continue;
      const result = qualifierResults[mechanism.qualifier];
      const reason = `${domain} says ${result} for ${readableIp(this.#sender.ip)} by "${mechanism.text}".`;
      const { explanation } = record;
      return {
        outcome: { result, reason, match: { domain, term: mechanism.text } },
        explanation: explanation === undefined ? undefined : { domain, modifier: explanation },
      };
    }
    if (record.redirect !== undefined) return this.#redirect(record.redirect, domain, depth);
    // RFC 7208 §4.7: no mechanism matched.
    const reason = `No term of the SPF record of ${domain} matches ${readableIp(this.#sender.ip)}.`;
    return { outcome: { result: 'neutral', reason }, explanation: undefined };
  }

  #inNetwork(mechanism: SpfMechanism): boolean {
    const network = mechanism.network!;
    return isInNetwork(this.#sender.ip, network, network.prefix);
  }

  /** RFC 7208 §6.1: evaluates the named record instead of this one. */
  async #redirect(modifier: SpfModifier, domain: string, depth: number): Promise<Verdict> {
    this.#budget.spend(modifier.text);
    const target = checkableDomain(await expandDomain(modifier.domain, this.context(domain)));
    this.#note(domain, depth, modifier.text, 'follow');
    const verdict = target === undefined ? undefined : await this.#checkDomain(target, depth + 1);
    if (verdict === undefined || verdict.outcome.result === 'none') {
      throw new SpfStop(
        'permerror',
        'redirect-without-record',
        `"${modifier.text}" in the record of ${domain} names a domain without SPF record.`,
      );
    }
    return verdict;
  }

  async #matches(mechanism: SpfMechanism, domain: string, depth: number): Promise<boolean> {
    if (mechanism.name === 'all') return true;
    this.#budget.spend(mechanism.text);
    const target =
      mechanism.domain === undefined ? domain : await expandDomain(mechanism.domain, this.context(domain));
    switch (mechanism.name) {
      case 'include':
        return this.#includes(mechanism, target, domain, depth);
      case 'a':
        return this.#hasAddress(target, mechanism);
      case 'mx':
        return this.#hasExchange(target, mechanism);
      case 'ptr':
        return this.#hasName(target);
      default:
        return this.#exists(target);
    }
  }

  /** RFC 7208 §5.2. */
  async #includes(mechanism: SpfMechanism, target: string, domain: string, depth: number): Promise<boolean> {
    const name = checkableDomain(target);
    this.#note(domain, depth, mechanism.text, 'follow');
    const verdict = name === undefined ? undefined : await this.#checkDomain(name, depth + 1);
    if (verdict === undefined || verdict.outcome.result === 'none') {
      throw new SpfStop(
        'permerror',
        'include-without-record',
        `"${mechanism.text}" in the record of ${domain} names a domain without SPF record.`,
      );
    }
    return verdict.outcome.result === 'pass';
  }

  /** RFC 7208 §5.3. */
  async #hasAddress(target: string, mechanism: SpfMechanism): Promise<boolean> {
    return (await this.#addressesOf(target)).some((address) => this.#isNear(address, mechanism));
  }

  /** RFC 7208 §5.4. */
  async #hasExchange(target: string, mechanism: SpfMechanism): Promise<boolean> {
    const answer = await this.#counted(target, 'MX');
    if (answer === undefined) return false;
    const { maxMxNames } = this.#budget.limits;
    // RFC 7208 §4.6.4: more names are an error.
    if (answer.length > maxMxNames) {
      throw new SpfStop('permerror', 'mx-limit', `${target} has more than ${maxMxNames} mail exchangers.`);
    }
    for (const { exchange } of answer) {
      if (exchange !== '.' && (await this.#hasAddress(exchange, mechanism))) return true;
    }
    return false;
  }

  /** RFC 7208 §5.5. */
  async #hasName(target: string): Promise<boolean> {
    const names = await validatedNames(this.#sender.ip, this.#budget, true);
    const wanted = target.toLowerCase();
    return names.some((name) => name === wanted || name.endsWith(`.${wanted}`));
  }

  /** RFC 7208 §5.7: looks up A for both address families. */
  async #exists(target: string): Promise<boolean> {
    return (await this.#counted(target, 'A')) !== undefined;
  }

  /** RFC 7208 §5: looks up A for an IPv4 client, AAAA for an IPv6 client. */
  async #addressesOf(name: string): Promise<readonly string[]> {
    return (await this.#counted(name, this.#sender.ip.family === 4 ? 'A' : 'AAAA')) ?? [];
  }

  /** Looks up the records of a name; a lookup without result counts as void. An invalid name has no records. */
  async #counted<T extends 'A' | 'AAAA' | 'MX'>(name: string, type: T) {
    const answer = await this.#budget.need(name, type);
    if (answer?.status === 'found') return answer.records;
    if (answer !== undefined) this.#budget.spendVoid(name);
    return undefined;
  }

  #isNear(address: string, { prefix4, prefix6 }: SpfMechanism): boolean {
    const base: IpWords | undefined = parseIp(address);
    return base !== undefined && isInNetwork(this.#sender.ip, base, base.family === 4 ? prefix4 : prefix6);
  }

  /** RFC 7208 §7.2: the domain if it is a validated name, else a validated name below it, else any. */
  async #validatedName(domain: string): Promise<string> {
    const names = await validatedNames(this.#sender.ip, this.#budget, false);
    return (
      names.find((name) => name === domain) ??
      names.find((name) => name.endsWith(`.${domain}`)) ??
      names[0] ??
      'unknown'
    );
  }

  #note(domain: string, depth: number, term: string, effect: SpfTraceEntry['effect']): void {
    this.trace.push({ domain, depth, term, effect, lookups: this.#budget.lookups });
  }
}
