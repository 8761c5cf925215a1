import type { SpfOutcome } from '@mb/dns';
import type { SpfCase } from './spf-cases.ts';

/** What another implementation said. */
export interface Verdict {
  readonly result: string;
  readonly detail: string;
}

/** A known difference: which peer has it, what RFC 7208 says, and how to recognize it. */
interface Difference {
  readonly peer: 'pyspf' | 'Mail::SPF' | 'both';
  readonly reason: string;
  applies(each: SpfCase, ours: SpfOutcome, theirs: Verdict): boolean;
}

const differences: readonly Difference[] = [
  {
    peer: 'both',
    // §4.6.4 limits terms whose queries give nothing. Names of ptr and p come from the holder of the address:
    // if they counted, a sender could turn a fail into a permerror by its own reverse zone.
    reason: 'they count void lookups of the names of ptr and p, which RFC 7208 §4.6.4 does not ask for',
    applies: (each, ours, theirs) =>
      theirs.result === 'permerror' &&
      /void (dns )?look-?ups? limit/i.test(theirs.detail) &&
      ours.voidLookups <= 2 &&
      uses(each, /ptr|%\{p/i),
  },
  {
    peer: 'both',
    reason:
      'they call a failing lookup for ptr a temperror; by RFC 7208 §5.5 the name, or the term, does not match',
    applies: (each, ours, theirs) =>
      theirs.result === 'temperror' &&
      ours.result !== 'temperror' &&
      uses(each, /ptr|%\{p/i) &&
      Object.values(each.zone).some((records) => records.fail),
  },
  {
    peer: 'pyspf',
    reason:
      'pyspf calls an include of the same domain a syntax error; RFC 7208 leaves that to the lookup limit',
    applies: (_each, _ours, theirs) => theirs.detail.includes('include has trivial recursion'),
  },
  {
    peer: 'pyspf',
    reason: 'pyspf looks up all hosts of an mx, and counts void ones after the host that matches',
    applies: (each, ours, theirs) =>
      theirs.result === 'permerror' &&
      theirs.detail.includes('Void lookup limit') &&
      ours.voidLookups <= 2 &&
      uses(each, /mx/i),
  },
  {
    peer: 'pyspf',
    reason:
      'pyspf does not know REDIRECT and EXP in capitals; names of modifiers are case-insensitive (RFC 7208 §4.6.1)',
    applies: (each) => uses(each, /REDIRECT=|EXP=/),
  },
  {
    peer: 'both',
    reason:
      'they overlook %{d0}, %{c} or %{x} unless they get there; by RFC 7208 §4.6 any syntax error counts',
    applies: (each, ours) => ours.problem === 'syntax' && uses(each, /%\{(?:d0|c|x)\}/i),
  },
  {
    peer: 'Mail::SPF',
    reason: 'Mail::SPF looks at the first ten names of an mx; by RFC 7208 §4.6.4 more are a permerror',
    applies: (_each, ours) => ours.problem === 'mx-limit',
  },
  {
    peer: 'Mail::SPF',
    reason:
      'Mail::SPF does not know the transformer R in capitals; literals of the grammar are case-insensitive',
    applies: (each, _ours, theirs) =>
      /^(?:Junk encountered|Missing required domain-spec)/.test(theirs.detail) && uses(each, /%\{[A-Z]\d*R/),
  },
];

/** Why another implementation differs in a case; undefined when nothing known explains it. */
export function explainDisagreement(
  peer: string,
  each: SpfCase,
  ours: SpfOutcome,
  theirs: Verdict,
): string | undefined {
  return differences.find(
    (difference) =>
      (difference.peer === peer || difference.peer === 'both') && difference.applies(each, ours, theirs),
  )?.reason;
}

/** Whether any record that the check may have read has such a term. */
function uses(each: SpfCase, term: RegExp): boolean {
  return Object.values(each.zone).some((records) => records.TXT?.some((text) => term.test(text)));
}
